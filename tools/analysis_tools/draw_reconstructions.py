"""Draw how a masked autoencoder reconstructs training images: visible patches, reconstruction, and both together."""

import argparse

from mmuda.apis import draw_reconstructions, exit_on_user_error, load_config
from mmuda.utils.arguments import count, seed
from mmuda.utils.cfg_options import add_cfg_options


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config', help='config of the pretraining (MaskedAutoencoder)')
    parser.add_argument('checkpoint', help='its trained weights')
    parser.add_argument('--out', required=True, metavar='PNG', help='picture')
    parser.add_argument('--count', type=count, default=4, help='images (default: 4)')
    parser.add_argument('--seed', type=seed, default=0, help='seed of the crops and masks (default: 0)')
    add_cfg_options(parser)
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    with exit_on_user_error():
        cfg = load_config(args.config, args.cfg_options)
        errors = draw_reconstructions(cfg, args.checkpoint, args.out, args.count, args.seed)
    print(', '.join(f'{name} {value:.4f}' for name, value in errors.items()))


if __name__ == '__main__':
    main()
