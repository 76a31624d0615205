"""Compare the iterations that label-free criteria choose with the true score curve: a table and a picture."""

import argparse
import math
from pathlib import Path

from mmuda.apis import UserError, exit_on_user_error
from mmuda.evaluation import CRITERIA, choices
from mmuda.experiments import Spread, markdown_table
from mmuda.visualization import plot_log, read_log


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('work_dirs', nargs='+', metavar='WORK_DIR', help='folders of runs, e.g. one per seed')
    parser.add_argument('--truth', default='mIoU', help='score computed with labels (default: mIoU)')
    parser.add_argument('--criteria', nargs='+', default=list(CRITERIA), help=f'default: {" ".join(CRITERIA)}')
    parser.add_argument('--out', required=True, help='picture to write (.png)')
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    with exit_on_user_error():
        runs = []
        for folder in args.work_dirs:
            try:
                runs.append(choices(read_log(folder), args.truth, args.criteria))
            except UserError as error:
                raise UserError(f'{folder}: {error}') from error
        plot_log(args.work_dirs, [args.truth, *args.criteria], args.out)
    rows = []
    for of_runs in zip(*runs, strict=True):
        correlation = '' if of_runs[0].correlation is None else spread([one.correlation for one in of_runs])
        gain = [one.truth - run[0].truth for one, run in zip(of_runs, runs, strict=True)]
        where = ' '.join(str(one.iteration) for one in of_runs)
        truth = spread([one.truth for one in of_runs])
        rows.append((of_runs[0].criterion, correlation, truth, spread(gain, True), where))
    header = f'rank correlation with {args.truth}', f'{args.truth} there', 'minus the last', 'iterations'
    print(markdown_table(['chosen by', *header], rows))
    print(Path(args.out))


def spread(values: list[float], sign: bool = False) -> str:
    """Mean and sample standard deviation of the defined values."""
    return Spread.of(None if math.isnan(value) else value for value in values).text(sign)


if __name__ == '__main__':
    main()
