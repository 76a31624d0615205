"""Train a config with several values of one setting, over seeds: a table and a curve."""

import argparse

from mmuda.utils.arguments import count, seed
from mmuda.utils.cfg_options import value
from mmuda.utils.errors import exit_on_user_error


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config', help='the config')
    parser.add_argument('--key', required=True, help='the setting, e.g. train_dataloader.dataset.exemplar.count')
    parser.add_argument('--values', nargs='+', type=value, required=True, help='its values')
    parser.add_argument('--metric', default='mIoU', help='score in summary.json (default: mIoU)')
    parser.add_argument(
        '--references', nargs='*', default=[], metavar='CONFIG', help='configs drawn as horizontal lines'
    )
    parser.add_argument('--label', help='label of the value axis (default: KEY)')
    parser.add_argument(
        '--weights',
        choices=('last', 'best'),
        default='last',
        help="the last validation, or the one that the config's save_best chose (default: last)",
    )
    parser.add_argument('--out', required=True, metavar='DIR', help='folder of the runs, the table and the picture')
    parser.add_argument('--seeds', type=seed, nargs='+', default=[0, 1, 2], help='default: 0 1 2')
    parser.add_argument('--jobs', type=count, default=1, help='number of parallel runs; they share the cores equally')
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    from mmuda.experiments import sweep, training_command

    train = training_command(__file__)
    with exit_on_user_error():
        table = sweep(
            args.config,
            args.key,
            args.values,
            args.metric,
            args.out,
            train,
            args.seeds,
            args.jobs,
            args.references,
            args.label,
            args.weights,
        )
    print(table)


if __name__ == '__main__':
    main()
