"""Make a public benchmark readable from what was downloaded: unpack it, check it, and print how a config uses it."""

import argparse

from mmuda.apis import exit_on_user_error
from mmuda.converters import PUBLIC_DATASETS, prepare_public


def parse_args() -> argparse.Namespace:
    where = '\n'.join(f'  {name:24}{download.address}' for name, download in PUBLIC_DATASETS.items())
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog=f'where each is obtained:\n{where}',
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('name', choices=PUBLIC_DATASETS, metavar='NAME', help='the benchmark, one of those below')
    parser.add_argument('download', help='folder with the archives as downloaded, or with what they hold')
    parser.add_argument('--out', help='folder of the dataset (default: where its class looks for it, data/NAME)')
    parser.add_argument(
        '--verify', action='store_true', help='check an unpacked download completely, and write nothing'
    )
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    with exit_on_user_error():
        for line in prepare_public(args.name, args.download, args.out, args.verify):
            print(line)


if __name__ == '__main__':
    main()
