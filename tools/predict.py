"""Predict rasters of any size; write a GeoTIFF of classes on each raster's own grid."""

import argparse

from mmuda.apis import exit_on_user_error, init_model, predict_rasters
from mmuda.apis.options import amount, count, positive


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description='Predict rasters')
    parser.add_argument('config', help='path of the config')
    parser.add_argument('checkpoint', help='path or URL of the checkpoint')
    parser.add_argument('rasters', nargs='+', metavar='RASTER', help='rasters, folders, or patterns in quotes')
    parser.add_argument('--out', required=True, metavar='DIR', help='folder for the predictions')
    parser.add_argument('--gsd', type=positive, help="metres per pixel (default: the test set's, else the raster's)")
    parser.add_argument('--tile', type=count, help="window size in pixels (default: the config's test tile, else 512)")
    parser.add_argument('--margin', type=amount, help='pixels discarded at window borders (default: tile / 8)')
    parser.add_argument('--device', help='e.g. cpu or cuda:0 (default: a GPU if there is one)')
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    with exit_on_user_error():
        model = init_model(args.config, args.checkpoint, args.device)
        predict_rasters(model, args.rasters, args.out, args.gsd, args.tile, args.margin)


if __name__ == '__main__':
    main()
