"""Export a trained segmentor alone: as safetensors, ONNX, a STAC item, or for plain mmseg."""

import argparse

from mmuda.utils.cfg_options import add_cfg_options
from mmuda.utils.errors import exit_on_user_error

FORMATS = ('mmseg', 'safetensors', 'onnx', 'deepness', 'stac')


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('checkpoint', nargs='+', metavar='[CONFIG] CHECKPOINT', help='trained weights')
    parser.add_argument('--config', help='config of the training (default: the model card inside of the checkpoint)')
    parser.add_argument(
        '--format', nargs='+', choices=FORMATS, default=['mmseg'], help='one or several (default: mmseg)'
    )
    parser.add_argument('--out', required=True, metavar='DIR', help='folder for the files')
    parser.add_argument(
        '--domain', help='domain whose statistics normalise the images (default: that of a test, usually target)'
    )
    parser.add_argument(
        '--plugin', action='append', metavar='NAME', help='module that the model card may import; it says which'
    )
    add_cfg_options(parser)
    args = parser.parse_args()
    if len(args.checkpoint) > 2 or (len(args.checkpoint) == 2 and args.config):
        parser.error('give one checkpoint, and at most one config')
    if len(args.checkpoint) == 2:
        args.config = args.checkpoint.pop(0)
    if args.cfg_options and not args.config:
        parser.error('--cfg-options change a config; give one by --config')
    return args


def main() -> None:
    args = parse_args()
    from mmuda.apis import export_model, load_config

    with exit_on_user_error():
        config = load_config(args.config, args.cfg_options) if args.config else None
        files = export_model(args.checkpoint[0], args.out, args.format, config, args.domain, args.plugin)
    print(*files, sep='\n')


if __name__ == '__main__':
    main()
