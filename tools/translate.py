"""Translate the source images of a config into the look of the target with a trained CycleGAN."""

import argparse

from mmuda.utils.arguments import amount, count
from mmuda.utils.cfg_options import add_cfg_options
from mmuda.utils.errors import exit_on_user_error


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config', help='config of the translation (ImageTranslation)')
    parser.add_argument('checkpoint', help='its trained weights')
    parser.add_argument('--out', required=True, metavar='DIR', help='folder for the translated images')
    parser.add_argument('--tile', type=count, default=512, help='window size in pixels (default: 512)')
    parser.add_argument('--margin', type=amount, default=32, help='pixels discarded at window borders (default: 32)')
    add_cfg_options(parser)
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    from mmuda.apis import load_config, translate_dataset

    with exit_on_user_error():
        cfg = load_config(args.config, args.cfg_options)
        translate_dataset(cfg, args.checkpoint, args.out, args.tile, args.margin)


if __name__ == '__main__':
    main()
