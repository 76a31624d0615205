"""What an entry of a suite does in place of training.

``python -m mmuda.experiments.products DOES CONFIG --work-dir DIR --seed SEED``, where DOES is one of two.

``adapt`` adapts a checkpoint to target images without training, by the config's ``adaptation_steps`` (AdaBN if it has
none), and tests it; ``pair`` pairs the patches of the config's two streams by a segmentor, with the config's
``pairing_strategy``. The config names the checkpoint in ``load_from``. Either leaves its product and a ``summary.json``
as a training would.
"""

import argparse
import time
from pathlib import Path

from mmengine.config import Config

from mmuda.apis.adapt import adapt
from mmuda.apis.config import load_config
from mmuda.apis.pair_domains import pair_domains
from mmuda.apis.test import test
from mmuda.utils.json_file import write_json

PRODUCTS = dict(adapt='adapted.pth', pair='pairs.json')
ADABN = ('batch_norm',)
FEATURE = 'decode_head.bottleneck'  # what the strategy feature_mmd compares


def adapted(cfg: Config, out: Path, seed: int) -> dict:
    """An adapted checkpoint, and its metrics."""
    steps = cfg.get('adaptation_steps', ADABN)
    adapt(cfg, cfg.load_from, out, steps, seed=seed)
    metrics = test(load_config(cfg.filename), str(out), work_dir=str(out.parent))
    return dict(
        metrics={name: float(value) for name, value in metrics.items()},
        selection=f'last iteration, then {" and ".join(steps)}',
    )


def pair(cfg: Config, out: Path, seed: int) -> dict:
    """Pairs of patches, which have no metrics."""
    strategy = cfg.pairing_strategy
    pair_domains(cfg, out, strategy, cfg.load_from, FEATURE if strategy == 'feature_mmd' else None, seed=seed)
    return dict(metrics=None)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('does', choices=PRODUCTS)
    parser.add_argument('config')
    parser.add_argument('--work-dir', type=Path, required=True)
    parser.add_argument('--seed', type=int, required=True)
    parser.add_argument('--resume', help='ignored: it starts anew')
    args = parser.parse_args()
    start = time.perf_counter()
    make = dict(adapt=adapted, pair=pair)[args.does]
    made = make(load_config(args.config), args.work_dir / PRODUCTS[args.does], args.seed)
    summary = dict(
        mode='train', config=args.config, seed=args.seed, **made, seconds=round(time.perf_counter() - start, 1)
    )
    write_json(summary, args.work_dir / 'summary.json')


if __name__ == '__main__':
    main()
