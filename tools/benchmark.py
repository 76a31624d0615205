"""Measure methods on pairs of a source and a target: train what is missing of a suite, and write its tables."""

import argparse
from dataclasses import replace
from pathlib import Path

from mmuda.utils.arguments import count, seed
from mmuda.utils.errors import exit_on_user_error


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('suite', metavar='SUITE', help='a name in benchmarks/suites, or the path of a suite')
    parser.add_argument('--profile', choices=('full', 'quick'), default='full', help='default: full')
    parser.add_argument('--out', metavar='DIR', help='default: work_dirs/benchmark/SUITE, for quick with _quick')
    parser.add_argument('--jobs', type=count, default=1, help='trainings at a time; they share cores and GPUs')
    parser.add_argument('--pairs', nargs='+', default=[], metavar='PAIR', help='only these')
    parser.add_argument('--entries', nargs='+', default=[], metavar='ENTRY', help='only these and what they need')
    parser.add_argument('--seeds', type=seed, nargs='+', default=[], help='in place of those of the suite')
    parser.add_argument(
        '--shard',
        metavar='I/N',
        help='of N shares of the work, the I-th, counted from 0; default under srun: one share per task',
    )
    parser.add_argument('--table', action='store_true', help='train nothing; write the tables of what is there')
    parser.add_argument(
        '--choose', action='store_true', help='also write what criteria without labels would have chosen'
    )
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    from mmuda.experiments import benchmark, load_suite, shard_of, training_command

    train = training_command(__file__)
    with exit_on_user_error():
        whole = load_suite(args.suite, args.profile)
        suite = whole.narrowed(args.pairs, args.entries, args.seeds)
        whole = replace(whole, seeds=tuple(dict.fromkeys([*whole.seeds, *args.seeds])))  # the tables show everything
        name = Path(args.suite).stem + ('_quick' if args.profile == 'quick' else '')
        out = args.out or Path('work_dirs', 'benchmark', name)
        print(benchmark(suite, out, train, args.jobs, shard_of(args.shard), not args.table, args.choose, whole))


if __name__ == '__main__':
    main()
