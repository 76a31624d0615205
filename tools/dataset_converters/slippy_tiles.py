"""Make GeoTIFFs of a web map's tiles (NAME-<x>-<y>-<z>.png or <z>/<x>/<y>.png), and labels of footprints in GeoJSON."""

import argparse

from mmuda.apis import exit_on_user_error
from mmuda.converters import TILE_ORDERS, build_from_tiles
from mmuda.utils.arguments import count


def class_of(text: str) -> tuple[str, int]:
    """``VALUE=CLASS`` of the command line."""
    value, equals, index = text.rpartition('=')
    if not equals or not index.isdecimal() or int(index) > 255:
        raise argparse.ArgumentTypeError(f'{text!r} is not VALUE=CLASS with a class from 0 to 254, or 255 for ignored')
    return value, int(index)


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('tiles', help='folder of the tiles, all of one size')
    parser.add_argument('--out', required=True, help='folder that receives images/ and labels/')
    parser.add_argument('--footprints', help='GeoJSON in longitude and latitude; without it there are no labels')
    parser.add_argument('--attribute', help='property that says the class of a footprint (default: all are class 1)')
    parser.add_argument(
        '--classes', nargs='+', type=class_of, metavar='VALUE=CLASS', help="classes of the attribute's values; '*=1'"
    )
    parser.add_argument('--order', choices=TILE_ORDERS, help='numbers in the names (default: as all names allow)')
    parser.add_argument('--tms', action='store_true', help='rows count from south (TMS), not from north (XYZ)')
    parser.add_argument('--zoom', type=count, help='take only tiles of this zoom')
    args = parser.parse_args()
    if (args.attribute is None) != (args.classes is None):
        parser.error('give --attribute and --classes together')
    if args.attribute is not None and args.footprints is None:
        parser.error('--attribute needs --footprints')
    return args


def main() -> None:
    args = parse_args()
    with exit_on_user_error():
        counts = build_from_tiles(
            args.tiles,
            args.out,
            args.footprints,
            args.attribute,
            None if args.classes is None else dict(args.classes),
            args.order,
            args.tms,
            args.zoom,
        )
    print(', '.join(f'{number} {name}' for name, number in counts.items()))
    print(f'images: {args.out}/images' + (f', labels: {args.out}/labels' if args.footprints else ''))


if __name__ == '__main__':
    main()
