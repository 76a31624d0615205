"""Predict rasters of any size; write a Cloud Optimized GeoTIFF of classes on each raster's own grid.

    python tools/predict.py CHECKPOINT RASTER FOLDER 'FOLDER/*_rgb.tif' --out DIR
    python tools/predict.py CONFIG CHECKPOINT RASTER --out DIR
    python tools/predict.py MODEL.onnx RASTER --out DIR

A checkpoint with a model card needs no config. An ONNX file of tools/export.py needs neither torch nor mmengine.
"""

import argparse

from mmuda.utils.arguments import amount, count, not_negative, positive
from mmuda.utils.errors import exit_on_user_error


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        'model', metavar='[CONFIG] MODEL', help='checkpoint, .safetensors or .onnx; before it, a config'
    )
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
    parser.add_argument('--polygons', choices=('gpkg', 'geojson', 'fgb'), help='also write the classes as polygons')
    parser.add_argument('--min-area', type=not_negative, default=0.0, metavar='M2', help='leave out smaller polygons')
    parser.add_argument('--simplify', type=not_negative, default=0.0, metavar='METRES', help='tolerance of outlines')
    parser.add_argument('--regularise', action='store_true', help='rectangular outlines, for buildings')
    parser.add_argument('--batch-size', type=count, help='windows at a time (default: 1 on a CPU, 16 on a GPU)')
    parser.add_argument('--plugin', action='append', metavar='NAME', help='module that the model card may import')
    parser.add_argument(
        '--launcher',
        choices=('none', 'pytorch', 'slurm'),
        default='none',
        help='share the work: pytorch under torchrun',
    )
    parser.add_argument('--device', help='e.g. cpu or cuda:0 (default: a GPU if there is one)')
    args = parser.parse_args()
    args.config = args.model if args.model.endswith('.py') else None
    if args.config:
        args.model, *args.rasters = args.rasters
        if not args.rasters:
            parser.error('give a checkpoint and at least one raster after the config')
    return args


def main() -> None:
    args = parse_args()
    names = ['gsd', 'tile', 'margin', 'overlap', 'views', 'confidence', 'probabilities', 'batch_size']
    names += ['polygons', 'min_area', 'simplify', 'regularise']
    options = {name: getattr(args, name) for name in names}
    with exit_on_user_error():
        if args.model.endswith('.onnx'):
            from mmuda.maps import predict_by_onnx

            predict_by_onnx(args.model, args.rasters, args.out, **options)
            return
        from mmuda.apis import init_distributed, init_model, predict_rasters

        init_distributed(args.launcher)
        given = (args.config, args.model) if args.config else (args.model,)
        model = init_model(*given, device=args.device, plugin=args.plugin)
        predict_rasters(model, args.rasters, args.out, **options)


if __name__ == '__main__':
    main()
