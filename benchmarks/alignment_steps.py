"""Step time of each method's config relative to the first's, measured in turns in one process.

    python benchmarks/alignment_steps.py CONFIG CONFIG [CONFIG ...] [--rounds 8]

Every round runs one training step of each config in turn, data loading included, so that a busy machine slows all of
them equally. The result is the median over rounds of the ratio to the first config's step in the same round. A config
is measured in its last stage without pseudo labels.
"""

import argparse

from mmengine.runner import Runner
from parts import Training, in_turns


def stepping(path: str):
    """A function that makes a training step of a config on its next batch."""
    one = Training(path)
    batches = iter(Runner.build_dataloader(one.cfg.train_dataloader, seed=0))
    return one.name, lambda: one.step(next(batches))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('configs', nargs='+')
    parser.add_argument('--rounds', type=int, default=8)
    args = parser.parse_args()
    names, steps = zip(*map(stepping, args.configs), strict=True)
    rows = in_turns(dict(enumerate(steps)), args.rounds)  # one config may be given twice
    for name, row in zip(names, rows.values(), strict=True):
        print(f'{name}: {1 / row["ratio"]:.2f} x the first, {1 / row["seconds"]:.2f} steps per second')


if __name__ == '__main__':
    main()
