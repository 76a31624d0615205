"""Predict rasters of any size; write a Cloud Optimized GeoTIFF of classes on each raster's own grid."""

import argparse

from mmuda.apis import exit_on_user_error, init_distributed, init_model, predict_rasters
from mmuda.apis.options import amount, count, positive


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description='Predict rasters')
    parser.add_argument('config', help='path of the config')
    parser.add_argument('checkpoint', help='path or URL of the checkpoint')
    parser.add_argument('rasters', nargs='+', metavar='RASTER', help='rasters, folders, or patterns in quotes')
    parser.add_argument('--out', required=True, metavar='DIR', help='folder for the predictions')
    parser.add_argument('--gsd', type=positive, help="metres per pixel (default: the test set's, else the raster's)")
    parser.add_argument('--tile', type=count, help="window size in pixels (default: the config's test tile, else 512)")
    parser.add_argument('--overlap', type=amount, help='pixels that windows share, blended (default: tile / 4)')
    parser.add_argument('--margin', type=amount, help='pixels discarded at window borders (default: overlap / 8)')
    parser.add_argument(
        '--views',
        default='none',
        choices=('none', 'flips', 'turns'),
        help='average the logits of 4 flipped, or 8 flipped and turned views of each window: slower, a little better',
    )
    kinds = dict(nargs='?', const='uint8', choices=('uint8', 'float32'), metavar='DTYPE')
    parser.add_argument(
        '--confidence',
        **kinds,
        help='also write the probability of the chosen class: uint8 (percent, the default) or float32',
    )
    parser.add_argument('--probabilities', **kinds, help='also write the probability of each class, likewise')
    parser.add_argument('--batch-size', type=count, help='windows at a time (default: 1 on a CPU, 16 on a GPU)')
    parser.add_argument(
        '--launcher',
        choices=('none', 'pytorch', 'slurm'),
        default='none',
        help='share the work: pytorch under torchrun',
    )
    parser.add_argument('--device', help='e.g. cpu or cuda:0 (default: a GPU if there is one)')
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    with exit_on_user_error():
        init_distributed(args.launcher)
        model = init_model(args.config, args.checkpoint, args.device)
        names = ('overlap', 'views', 'confidence', 'probabilities', 'batch_size')
        options = {name: getattr(args, name) for name in names}
        predict_rasters(model, args.rasters, args.out, args.gsd, args.tile, args.margin, **options)


if __name__ == '__main__':
    main()
