"""Share of a training that waits for the loader, by number of workers; wall clock, so let nothing else run.

python benchmarks/loader_wait.py [CONFIG] [--workers 0 1 2] [--steps 20] [--json FILE]
"""

import argparse
import time

from mmengine.runner import Runner
from parts import Training, report

CONFIG = 'configs/adaptsegnet/adaptsegnet_single_deeplabv3plus-effl0_nairobi2kampala.py'


def wait_of(one: Training, workers: int, steps: int) -> dict[str, float]:
    """Seconds of a step with its loading, and the share that waited for a batch."""
    loader = dict(one.cfg.train_dataloader, num_workers=workers, persistent_workers=workers > 0)
    batches = iter(Runner.build_dataloader(loader, seed=0))
    one.step(next(batches))  # workers start, kernels are chosen
    waited, begin = 0.0, time.perf_counter()
    for _ in range(steps):
        start = time.perf_counter()
        batch = next(batches)
        waited += time.perf_counter() - start
        one.step(batch)
    whole = time.perf_counter() - begin
    return dict(seconds=whole / steps, waits=waited / whole)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', nargs='?', default=CONFIG)
    parser.add_argument('--workers', type=int, nargs='+', default=[0, 1, 2])
    parser.add_argument('--steps', type=int, default=20)
    parser.add_argument('--json', help='adds the rows to this file')
    args = parser.parse_args()
    one = Training(args.config)
    rows = {f'{workers} workers': wait_of(one, workers, args.steps) for workers in args.workers}
    report(f'waiting for the loader, {one.name}', rows, args.json)


if __name__ == '__main__':
    main()
