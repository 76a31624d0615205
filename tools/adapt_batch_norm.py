"""AdaBN: re-estimate the batch norm statistics of a checkpoint on unlabelled target images."""

import argparse

from mmuda.apis import adapt_batch_norm, exit_on_user_error, load_config
from mmuda.apis.options import add_cfg_options, count, seed


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description='Re-estimate batch norm statistics on the target (AdaBN)')
    parser.add_argument('config', help='path of the config; images come from its target stream, else its test set')
    parser.add_argument('checkpoint', help='trained weights')
    parser.add_argument('out', help='checkpoint to write')
    parser.add_argument('--batches', type=count, default=100, help='batches to average over (default: 100)')
    parser.add_argument('--seed', type=seed, default=0, help='seed of the crops (default: 0)')
    add_cfg_options(parser)
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    with exit_on_user_error():
        cfg = load_config(args.config, args.cfg_options)
        adapt_batch_norm(cfg, args.checkpoint, args.out, args.batches, args.seed)


if __name__ == '__main__':
    main()
