"""AdaBN as a run of a benchmark: ``python -m mmuda.experiments.adapt CONFIG --work-dir DIR --seed SEED``.

Re-estimates the batch norm statistics of the checkpoint that the config names in ``load_from``, tests it, and writes
``adapted.pth`` and ``summary.json`` as a training would.
"""

import argparse
import time
from pathlib import Path

from mmuda.apis.batch_norm import adapt_batch_norm
from mmuda.apis.config import load_config
from mmuda.apis.test import test
from mmuda.utils.json_file import write_json

PRODUCT = 'adapted.pth'


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config')
    parser.add_argument('--work-dir', type=Path, required=True)
    parser.add_argument('--seed', type=int, required=True)
    parser.add_argument('--resume', help='ignored: it takes seconds, and starts anew')
    args = parser.parse_args()
    start = time.perf_counter()
    cfg, out = load_config(args.config), args.work_dir / PRODUCT
    adapt_batch_norm(cfg, cfg.load_from, out, seed=args.seed)
    metrics = test(load_config(args.config), str(out), work_dir=str(args.work_dir))
    summary = dict(
        mode='train',
        config=args.config,
        seed=args.seed,
        metrics={name: float(value) for name, value in metrics.items()},
        selection='last iteration, then AdaBN',
        seconds=round(time.perf_counter() - start, 1),
    )
    write_json(summary, args.work_dir / 'summary.json')


if __name__ == '__main__':
    main()
