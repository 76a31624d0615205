"""Train configs over seeds and set them side by side: a table and a picture."""

import argparse

from mmuda.utils.arguments import count, seed
from mmuda.utils.cfg_options import add_cfg_options
from mmuda.utils.errors import exit_on_user_error


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description='Compare configs over seeds')
    parser.add_argument('configs', nargs='+', metavar='CONFIG', help='configs; the others are compared with the first')
    parser.add_argument('--out', required=True, metavar='DIR', help='folder of the runs, the table and the picture')
    parser.add_argument('--seeds', type=seed, nargs='+', default=[0, 1, 2], help='default: 0 1 2')
    parser.add_argument('--jobs', type=count, default=1, help='number of parallel runs; they share the cores equally')
    parser.add_argument(
        '--picture',
        action=argparse.BooleanOptionalAction,
        default=True,
        help='draw predictions of the first and the last config (default: yes)',
    )
    parser.add_argument(
        '--target-only',
        metavar='CONFIG',
        help="which config trains on the target's labels: adds the column NAM",
    )
    parser.add_argument(
        '--columns', nargs='+', default=[], metavar='METRIC', help='other metrics in the table, e.g. aAcc mFscore'
    )
    parser.add_argument(
        '--weights',
        choices=('last', 'best'),
        default='last',
        help="metrics of the last validation, or of the one that the configs' save_best chose (default: last)",
    )
    parser.add_argument(
        '--choose',
        action='store_true',
        help='also adapt each model without training (tools/adapt.py), and choose one without labels; in case of doubt '
        'the first config, which should not adapt in training, with this adaptation',
    )
    add_cfg_options(parser, 'override values in every config, e.g. train_dataloader.batch_size=2 or key="[a,b]"')
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    from mmuda.experiments import compare, training_command

    train = training_command(__file__)
    with exit_on_user_error():
        table = compare(
            args.configs,
            args.out,
            train,
            args.seeds,
            args.cfg_options,
            args.jobs,
            args.picture,
            target_only=args.target_only,
            columns=args.columns,
            weights=args.weights,
            choose=args.choose,
        )
        print(table)


if __name__ == '__main__':
    main()
