"""Pair every source patch with a target patch, once, before training."""

import argparse

from mmuda.utils.arguments import positive, seed
from mmuda.utils.cfg_options import add_cfg_options
from mmuda.utils.errors import exit_on_user_error

GIB = 1 << 30
# As mmuda.apis has them (tests/test_packaging/test_tools.py); importing it for --help takes seconds.
STRATEGIES = ('random', 'ground_truth', 'approximation', 'shuffled_ground_truth', 'image_mmd', 'feature_mmd')


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config', help='config whose source and target are fixed sets of patches')
    parser.add_argument('checkpoint', nargs='?', help='segmentor trained on the source (approximation, feature_mmd)')
    parser.add_argument('--strategy', required=True, choices=STRATEGIES)
    parser.add_argument(
        '--out', required=True, metavar='PAIRS', help='JSON file to write; PAIRS.png shows some of the pairs'
    )
    parser.add_argument('--feature', metavar='PATH', help='submodule whose output feature_mmd compares')
    parser.add_argument('--memory', type=positive, default=1.0, metavar='GIB', help='working memory (default: 1)')
    parser.add_argument('--seed', type=seed, default=0)
    parser.add_argument('--launcher', choices=['none', 'pytorch', 'slurm'], default='none', help='who started us')
    add_cfg_options(parser)
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    from mmuda.apis import init_distributed, load_config, pair_domains

    with exit_on_user_error():
        init_distributed(args.launcher)
        cfg = load_config(args.config, args.cfg_options)
        memory = int(args.memory * GIB)
        pair_domains(cfg, args.out, args.strategy, args.checkpoint, args.feature, memory, args.seed)


if __name__ == '__main__':
    main()
