"""Show what a training sees: crops of each stream with labels at one ground scale, class shares, colours, warnings."""

import argparse
from pathlib import Path

from mmuda.utils.arguments import count, seed
from mmuda.utils.cfg_options import add_cfg_options
from mmuda.utils.errors import exit_on_user_error


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description='Show what a training sees')
    parser.add_argument('config', help='path of the config')
    parser.add_argument('--out', help='folder for pictures and report.md (default: work_dirs/browse/CONFIG_NAME)')
    parser.add_argument('--number', type=count, default=6, help='crops of each stream to draw (default: 6)')
    parser.add_argument('--samples', type=count, default=64, help='crops of each stream to count (default: 64)')
    parser.add_argument('--seed', type=seed, default=0, help='seed of the crops (default: 0)')
    add_cfg_options(parser)
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    from mmuda.apis import browse, load_config

    with exit_on_user_error():
        out = args.out or Path('work_dirs', 'browse', Path(args.config).stem)
        browse(load_config(args.config, args.cfg_options), out, args.number, args.samples, args.seed)


if __name__ == '__main__':
    main()
