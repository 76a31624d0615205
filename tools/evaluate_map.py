"""Judge a map against the truth: pixels, boundaries, objects and regions; rasters or polygons, on any grid."""

import argparse
import re

from mmuda.utils.arguments import positive
from mmuda.utils.errors import exit_on_user_error


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description='Judge a map against the truth')
    parser.add_argument('map', help='the map: a raster of classes, or polygons')
    parser.add_argument('truth', help='the truth: a raster of classes on any grid, or polygons')
    parser.add_argument('--out', metavar='DIR', help='folder for metrics.json, table.md and picture.png')
    parser.add_argument('--classes', nargs='+', metavar='NAME', help="classes to score (default: the files' own names)")
    parser.add_argument('--ignore', nargs='+', type=int, default=[255], help='numbers to leave out (default: 255)')
    parser.add_argument(
        '--grid', metavar='RASTER', help='grid for a map of polygons (default: the raster of the truth)'
    )
    parser.add_argument('--gsd', type=positive, help='metres per pixel, if map and truth are polygons')
    parser.add_argument('--tolerance', type=float, help='of boundaries, in metres (default: 2 pixels of the map)')
    parser.add_argument('--objects', nargs='+', default=(), metavar='CLASS', help='classes whose objects are matched')
    parser.add_argument('--object-iou', type=float, default=0.5, help='least IoU of matched objects (default: 0.5)')
    parser.add_argument('--min-area', type=float, default=0.0, help='leave smaller objects out, in m2 (default: 0)')
    parser.add_argument('--regions', metavar='FILE', help='polygons of regions to score one by one')
    parser.add_argument('--region-attribute', metavar='NAME', help='attribute that names them (default: name)')
    for side in ('map', 'truth'):
        add_label_options(parser.add_argument_group(f'what the {side} means'), side)
    return parser.parse_args()


def pair(text: str) -> tuple[str, str]:
    """KEY=VALUE; the value may hold further equals signs."""
    key, equals, value = text.partition('=')
    if not (key and equals and value):
        raise argparse.ArgumentTypeError(f'{text!r} is not of the form KEY=VALUE; quote it if it has spaces')
    return key, value


def value_pair(text: str) -> tuple[float | str, str]:
    """KEY=VALUE with a key that is a number if it can be."""
    key, value = pair(text)
    try:
        return float(key), value
    except ValueError:
        return key, value


def colour_pair(text: str) -> tuple[tuple[int, int, int], str]:
    """RRGGBB=VALUE, a colour in hexadecimal digits."""
    key, value = pair(text)
    digits = key.removeprefix('#')
    if not re.fullmatch('[0-9a-fA-F]{6}', digits):
        raise argparse.ArgumentTypeError(f'{key!r} is no colour; give six hexadecimal digits, e.g. ff0000 for red')
    return tuple(bytes.fromhex(digits)), value


def add_label_options(group: argparse._ArgumentGroup, side: str) -> None:
    group.add_argument(f'--{side}-classes', nargs='+', metavar='NAME', help='its classes, in the order of its numbers')
    group.add_argument(f'--{side}-mapping', nargs='+', type=pair, metavar='NAME=CLASS',
                       help='its class -> class to score, or ignore')  # fmt: skip
    group.add_argument(f'--{side}-values', nargs='+', type=value_pair, metavar='VALUE=NAME',
                       help='its numbers, or values of the attribute -> its classes, or ignore')  # fmt: skip
    group.add_argument(f'--{side}-colours', nargs='+', type=colour_pair, metavar='RRGGBB=NAME',
                       help='its colours -> its classes, or ignore')  # fmt: skip
    group.add_argument(f'--{side}-attribute', metavar='NAME', help='attribute of its polygons that holds the class')
    group.add_argument(f'--{side}-polygon-class', metavar='NAME', help='class of its polygons without an attribute')
    group.add_argument(f'--{side}-background', metavar='NAME', help='class outside its polygons, or ignore '
                       '(default: the first class)')  # fmt: skip
    group.add_argument(f'--{side}-layer', metavar='NAME', help='layer of its vector file')


def labels_of(args: argparse.Namespace, side: str):
    from mmuda.apis import LabelOptions

    names = ('classes', 'mapping', 'values', 'colours', 'attribute', 'polygon_class', 'background', 'layer')
    given = {name: getattr(args, f'{side}_{name}') for name in names}
    for name in ('mapping', 'values', 'colours'):
        given[name] = None if given[name] is None else dict(given[name])
    return LabelOptions(**given)


def main() -> None:
    args = parse_args()
    from mmuda.apis import evaluate_map

    with exit_on_user_error():
        evaluate_map(
            args.map,
            args.truth,
            args.out,
            classes=args.classes,
            map_labels=labels_of(args, 'map'),
            truth_labels=labels_of(args, 'truth'),
            ignore=args.ignore,
            grid=args.grid,
            gsd=args.gsd,
            tolerance=args.tolerance,
            objects=args.objects,
            object_iou=args.object_iou,
            min_area=args.min_area,
            regions=args.regions,
            region_attribute=args.region_attribute,
        )


if __name__ == '__main__':
    main()
