"""Adapt a checkpoint to unlabelled target images without training: batch norm statistics and class shares."""

import argparse

from mmuda.utils.arguments import count, seed
from mmuda.utils.cfg_options import add_cfg_options
from mmuda.utils.errors import exit_on_user_error


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description='Adapt a trained segmentor to unlabelled target images in seconds, without training'
    )
    parser.add_argument('config', help='path of the config; images come from its target stream, else its test set')
    parser.add_argument('checkpoint', help='trained weights')
    parser.add_argument('out', help='checkpoint to write')
    parser.add_argument(
        '--steps',
        nargs='+',
        default=('batch_norm', 'class_shares'),
        choices=('batch_norm', 'class_shares'),
        help='batch_norm: statistics of the target (AdaBN); class_shares: each class is predicted as often as expected '
        '(default: both)',
    )
    parser.add_argument(
        '--shares',
        nargs='+',
        type=float,
        metavar='SHARE',
        help='expected share of each class in the target, e.g. 0.8 0.2 (default: those of the source)',
    )
    parser.add_argument('--batches', type=count, default=100, help='batches to average over (default: 100)')
    parser.add_argument('--seed', type=seed, default=0, help='seed of the crops (default: 0)')
    add_cfg_options(parser)
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    from mmuda.apis import adapt, load_config

    with exit_on_user_error():
        cfg = load_config(args.config, args.cfg_options)
        adapt(cfg, args.checkpoint, args.out, args.steps, args.shares, args.batches, args.seed)


if __name__ == '__main__':
    main()
