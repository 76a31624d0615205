"""Build the Low2High dataset from Chesapeake or NAIP tiles and from NLCD and EnviroAtlas rasters as distributed."""

import argparse

from mmuda.apis import exit_on_user_error
from mmuda.converters import SPLITS, Labels, build_low2high
from mmuda.utils.arguments import count, seed, share


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('images', help='folder of imagery at 1 m, or one raster')
    parser.add_argument('--fine', required=True, help='folder of fine labels, or one raster')
    parser.add_argument(
        '--coarse', required=True, help='one raster (NLCD at its own 30 m, not repeated to 1 m), or a folder of them'
    )
    parser.add_argument('--out', required=True, help='folder of the dataset; several regions may share it')
    parser.add_argument('--region', required=True, help="prefix of the tiles' names, e.g. va")
    parser.add_argument('--image-suffix', default='_naip-new.tif', help='default: Chesapeake, _naip-new.tif')
    parser.add_argument('--fine-suffix', default='_lc.tif', help='default: Chesapeake, _lc.tif')
    parser.add_argument(
        '--coarse-suffix', default='.tif', help='suffix of files in a folder of coarse labels (default: .tif)'
    )
    parser.add_argument('--fine-legend', default='chesapeake', help='chesapeake, enviroatlas, or a JSON file')
    parser.add_argument('--coarse-legend', default='nlcd', help='nlcd, or a JSON file')
    parser.add_argument('--tile', type=count, default=512, help='side length in pixels (default: 512)')
    parser.add_argument('--min-classes', type=count, default=3, help='drop tiles with fewer classes (default: 3)')
    parser.add_argument(
        '--max-share', type=share, default=0.75, help='drop tiles where one class exceeds it (default: 0.75)'
    )
    parser.add_argument(
        '--max-ignored', type=share, default=0.1, help='drop tiles with more ignored pixels (default: 0.1)'
    )
    parser.add_argument(
        '--split', choices=SPLITS, help='put all tiles into this split; else 75, 10, 10 and 5 %% at random'
    )
    parser.add_argument('--seed', type=seed, default=0, help='seed of the split')
    parser.add_argument('--workers', type=count, default=1, help='processes (default: 1)')
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    with exit_on_user_error():
        counts = build_low2high(
            args.images,
            Labels(args.fine, args.fine_suffix, args.fine_legend),
            Labels(args.coarse, args.coarse_suffix, args.coarse_legend),
            args.out,
            args.region,
            args.image_suffix,
            args.tile,
            args.min_classes,
            args.max_share,
            args.max_ignored,
            args.split,
            args.seed,
            args.workers,
        )
    print(', '.join(f'{name} {count}' for name, count in counts.items()))


if __name__ == '__main__':
    main()
