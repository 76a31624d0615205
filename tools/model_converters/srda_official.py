"""Convert checkpoints of the SRDA-Net authors' released code to mmuda's names."""

import argparse

from mmuda.checkpoints.official.srda import convert
from mmuda.utils.errors import exit_on_user_error


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('source', metavar='IN', help='a .pth file, a folder of one epoch, or FOLDER/EPOCH')
    parser.add_argument('out', metavar='OUT', help='checkpoint to write')
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    with exit_on_user_error():
        files = convert(args.source, args.out)
    print(f'{", ".join(map(str, files))} -> {args.out}')


if __name__ == '__main__':
    main()
