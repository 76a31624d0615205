"""Draw logged scalars of one or more runs over their iterations."""

import argparse

from mmuda.apis import exit_on_user_error
from mmuda.utils.arguments import count
from mmuda.visualization import plot_log


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('work_dirs', nargs='+', metavar='WORK_DIR', help='folders of runs')
    parser.add_argument('--keys', nargs='+', required=True, help='names as in the log; each gets its own panel')
    parser.add_argument('--out', required=True, help='picture to write (.png)')
    parser.add_argument('--smooth', type=count, default=1, help='number of log entries to average over (default: 1)')
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    with exit_on_user_error():
        plot_log(args.work_dirs, args.keys, args.out, args.smooth)
    print(args.out)


if __name__ == '__main__':
    main()
