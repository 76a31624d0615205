"""Turn a class map into polygons: GeoPackage, GeoJSON or FlatGeobuf, for a GIS."""

import argparse

from mmuda.utils.arguments import not_negative
from mmuda.utils.errors import exit_on_user_error


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description='Turn a class map into polygons')
    parser.add_argument('map', help='raster of classes, as tools/predict.py writes it')
    parser.add_argument('--out', required=True, metavar='FILE', help='file to write: .gpkg, .geojson, .json or .fgb')
    parser.add_argument(
        '--classes',
        nargs='+',
        metavar='CLASS',
        help='classes to outline: names in the map, values, or VALUE=NAME (default: all but background)',
    )
    parser.add_argument('--min-area', type=not_negative, default=0.0, metavar='M2', help='leave out smaller regions')
    parser.add_argument('--min-hole', type=not_negative, default=0.0, metavar='M2', help='fill smaller holes')
    parser.add_argument('--simplify', type=not_negative, default=0.0, metavar='METRES', help='tolerance of outlines')
    parser.add_argument('--regularise', action='store_true', help='make outlines rectangular, for buildings')
    parser.add_argument('--confidence', metavar='RASTER', help='confidence on the same grid; polygons get its mean')
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    from mmuda.maps import polygonize_map

    with exit_on_user_error():
        polygonize_map(
            args.map,
            args.out,
            args.classes,
            min_area=args.min_area,
            simplify=args.simplify,
            regularise=args.regularise,
            min_hole=args.min_hole,
            confidence=args.confidence,
        )


if __name__ == '__main__':
    main()
