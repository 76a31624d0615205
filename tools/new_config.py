"""Write the config of a method for your own rasters, or for a dataset that mmuda knows.

    python tools/new_config.py --source IMAGES LABELS --target IMAGES --classes ground building --out configs/mine.py
    python tools/new_config.py --method adaptsegnet_single --data mass2inria --out configs/mine/config.py
    python tools/new_config.py --list

IMAGES and LABELS are folders, or patterns in quotes such as "FOLDER/*_image.tif"; LABELS may also be one vector file
(GeoPackage, GeoJSON, Shapefile) or one raster that covers all images. The tool looks at the rasters, says
what it found and decided, and writes a config that trains as it is. With --data and without --out it prints the config.
"""

import argparse

from mmuda.utils.arguments import positive
from mmuda.utils.errors import exit_on_user_error


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--list', action='store_true', help='list the combinations of method, model and dataset')
    parser.add_argument('--method', help='name of the method (default for your own rasters: recommended)')
    parser.add_argument('--data', help='name of a dataset that mmuda knows')
    parser.add_argument('--model', help='name of the model (default: the usual one for this method and dataset)')
    parser.add_argument('--source', nargs='+', metavar='PLACE', help='your labelled images, and their labels')
    parser.add_argument('--target', nargs='+', metavar='PLACE', help='your other images; labels serve the test alone')
    parser.add_argument('--classes', nargs='+', default=(), help='names of the classes, in the order of their values')
    parser.add_argument('--source-gsd', type=positive, help='metres per pixel of the source (default: from the files)')
    parser.add_argument('--target-gsd', type=positive, help='metres per pixel of the target (default: from the files)')
    parser.add_argument('--label-attribute', help='attribute of polygons that tells their class (default: one class)')
    parser.add_argument('--bands', nargs='+', default=(), help='bands to read, as numbers or names, colours first')
    parser.add_argument('--target-bands', nargs='+', default=(), help='those of the target (default: as --bands)')
    parser.add_argument('--own-statistics', action='store_true', help='normalise each domain by its own mean and std')
    parser.add_argument('--out', help='file to write; inside configs/FOLDER, its base paths are relative')
    args = parser.parse_args()
    own = args.source or args.target
    if own and (args.data or not (args.source and args.target and args.out)):
        parser.error('give --source, --target and --out for your own rasters, and no --data')
    if not args.list and not own and not (args.method and args.data):
        parser.error('give --source and --target, or --method and --data, or --list')
    return args


def main() -> None:
    args = parse_args()
    from mmuda.apis import combinations, new_config, new_config_of_rasters

    with exit_on_user_error():
        if args.list:
            for row in combinations():
                print(*row)
            return
        if args.source:
            chosen = {key: value for key in ('method', 'model') if (value := getattr(args, key))}
            places = dict(source=args.source, target=args.target, out=args.out)
            chosen |= dict(source_gsd=args.source_gsd, target_gsd=args.target_gsd)
            chosen |= dict(classes=args.classes, label_attribute=args.label_attribute)
            chosen |= dict(bands=args.bands, target_bands=args.target_bands, statistics=args.own_statistics)
            new_config_of_rasters(**places, **chosen)
            return
        text = new_config(args.method, args.data, args.model, args.out)
        told = text if args.out is None else f'wrote {args.out}; train it with: python tools/train.py {args.out}\n'
        print(told, end='')


if __name__ == '__main__':
    main()
