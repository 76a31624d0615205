"""Convert checkpoints of the SRDA-Net authors' released code to mmuda's names."""

import argparse

from mmuda.apis import exit_on_user_error
from mmuda.checkpoints.official import convert_srda


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('source', metavar='IN', help='a .pth file, a folder of one epoch, or FOLDER/EPOCH')
    parser.add_argument('out', metavar='OUT', help='checkpoint to write')
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    with exit_on_user_error():
        files = convert_srda(args.source, args.out)
    print(f'{", ".join(map(str, files))} -> {args.out}')


if __name__ == '__main__':
    main()
