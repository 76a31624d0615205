"""Judge the coarse labels of a config's test set as if they were predictions: the row Oracle of Low2High."""

import argparse

from mmuda.apis import coarse_oracle, exit_on_user_error, load_config
from mmuda.utils.cfg_options import add_cfg_options


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config', help='config whose test set has fine and coarse labels')
    add_cfg_options(parser)
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    with exit_on_user_error():
        metrics = coarse_oracle(load_config(args.config, args.cfg_options))
    for name, value in metrics.items():
        print(f'{name}: {value:.2f}')


if __name__ == '__main__':
    main()
