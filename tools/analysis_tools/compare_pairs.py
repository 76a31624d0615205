"""Compare the pairs that configs train on: SemSim from target labels, as in Table 3 of the semantic pairing paper."""

import argparse
from pathlib import Path

import numpy as np

from mmuda.apis import exit_on_user_error, load_config, similarity_of_pairs
from mmuda.experiments import markdown_table


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('configs', nargs='+', metavar='CONFIG', help='configs, each with its pairs')
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    rows = []
    with exit_on_user_error():
        for name in args.configs:
            score, index = similarity_of_pairs(load_config(name))
            spread = f'{np.nanmean(score):.3f} ± {np.nanstd(score):.3f}'
            rows.append((Path(name).stem, len(index), len(np.unique(index)), spread))
    print(markdown_table(['config', 'pairs', 'distinct targets', 'SemSim'], rows))


if __name__ == '__main__':
    main()
