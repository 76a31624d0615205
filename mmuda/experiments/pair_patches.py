"""Pairing as a run of a benchmark: ``python -m mmuda.experiments.pair_patches CONFIG --work-dir DIR --seed SEED``.

Pairs the patches of the config's two streams by the segmentor that it names in ``load_from``, with its
``pairing_strategy``, and writes ``pairs.json`` and ``summary.json`` as a training would.
"""

import argparse
import time
from pathlib import Path

from mmuda.apis.config import load_config
from mmuda.apis.pair_domains import pair_domains
from mmuda.utils.json_file import write_json

PRODUCT = 'pairs.json'
FEATURE = 'decode_head.bottleneck'  # what feature_mmd compares


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config')
    parser.add_argument('--work-dir', type=Path, required=True)
    parser.add_argument('--seed', type=int, required=True)
    parser.add_argument('--resume', help='ignored: it starts anew')
    args = parser.parse_args()
    start = time.perf_counter()
    cfg = load_config(args.config)
    strategy = cfg.pairing_strategy
    feature = FEATURE if strategy == 'feature_mmd' else None
    pair_domains(cfg, args.work_dir / PRODUCT, strategy, cfg.load_from, feature, seed=args.seed)
    seconds = round(time.perf_counter() - start, 1)
    summary = dict(mode='train', config=args.config, seed=args.seed, metrics=None, seconds=seconds)
    write_json(summary, args.work_dir / 'summary.json')


if __name__ == '__main__':
    main()
