"""Export only the trained segmentor, as a config and a checkpoint for plain mmseg."""

import argparse

from mmuda.apis import exit_on_user_error, export_segmentor, load_config
from mmuda.apis.options import add_cfg_options


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config', help='path of the config')
    parser.add_argument('checkpoint', help='trained weights')
    parser.add_argument('--out', required=True, metavar='DIR', help='folder for segmentor.py and segmentor.pth')
    parser.add_argument(
        '--domain', default='target', help='domain whose statistics normalise the images (default: target)'
    )
    add_cfg_options(parser)
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    with exit_on_user_error():
        cfg = load_config(args.config, args.cfg_options)
        files = export_segmentor(cfg, args.checkpoint, args.out, args.domain)
    print(*files, sep='\n')


if __name__ == '__main__':
    main()
