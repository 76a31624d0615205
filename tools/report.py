"""Write one HTML page about trainings that needs nothing beside it: data, scores, maps, curves, choice, settings."""

import argparse

from mmuda.utils.arguments import count
from mmuda.utils.errors import exit_on_user_error


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        'folders',
        nargs='+',
        metavar='WORK_DIR',
        help='folder of a run of tools/train.py, or of an experiment of tools/compare.py or tools/benchmark.py',
    )
    parser.add_argument('--out', default='report.html', metavar='FILE', help='the page (default: report.html)')
    parser.add_argument('--title', help="title of the page (default: the folders' names)")
    parser.add_argument(
        '--windows', type=count, default=24, help='windows of the test set that each method predicts (default: 24)'
    )
    parser.add_argument(
        '--no-predictions', action='store_true', help='predict nothing: seconds, but neither maps nor a choice'
    )
    parser.add_argument(
        '--unadapted', metavar='NAME', help='the method with which the others are compared (default: the first)'
    )
    parser.add_argument(
        '--target-only',
        metavar='NAME',
        help="the method that was trained on the target's labels: adds NAM (default: the experiment's)",
    )
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    from mmuda.reports import write_report

    with exit_on_user_error():
        write_report(
            args.folders, args.out, args.title, args.windows, not args.no_predictions, args.unadapted, args.target_only
        )


if __name__ == '__main__':
    main()
