"""Step time of each method's config relative to the first's, measured in turns in one process.

    python benchmarks/alignment_steps.py CONFIG CONFIG [CONFIG ...] [--rounds 8]

Every round runs one training step of each config in turn, data loading included, so that a busy machine slows all of
them equally. The result is the median over rounds of the ratio to the first config's step in the same round. A config
is measured in its last stage without pseudo labels.
"""

import argparse
import statistics
import time
from pathlib import Path

import torch
from mmengine.logging import MessageHub
from mmengine.runner import Runner

from mmuda.apis import load_config, prepare
from mmuda.engine import NamedOptimWrapperConstructor
from mmuda.models.wrappers import Stage
from mmuda.registry import MODELS


class Steps:
    """Makes training steps of one config."""

    def __init__(self, path: str, seed: int = 0) -> None:
        cfg = prepare(load_config(path))
        self.name = Path(path).stem
        torch.manual_seed(seed)
        self.model = MODELS.build(cfg.model).train()
        optim_cfg = dict(cfg.optim_wrapper)
        optim_cfg.pop('constructor')
        self.optimizers = NamedOptimWrapperConstructor(optim_cfg)(self.model)
        stages = [Stage.from_cfg(stage) for stage in cfg.train_cfg.stages]
        self.model.set_stage([stage for stage in stages if not stage.pseudo_labels][-1])
        self.batches = iter(Runner.build_dataloader(cfg.train_dataloader, seed=seed))

    def seconds(self) -> float:
        """Duration of one step."""
        start = time.perf_counter()
        self.model.train_step(next(self.batches), self.optimizers)
        return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('configs', nargs='+')
    parser.add_argument('--rounds', type=int, default=8)
    args = parser.parse_args()
    MessageHub.get_current_instance().update_info('iter', 10_000)  # past every warm-up
    runs = [Steps(path) for path in args.configs]
    rounds = [[run.seconds() for run in runs] for _ in range(args.rounds + 1)][1:]  # the first warms up
    for i, run in enumerate(runs):
        ratio = statistics.median(seconds[i] / seconds[0] for seconds in rounds)
        rate = 1 / statistics.median(seconds[i] for seconds in rounds)
        print(f'{run.name}: {ratio:.2f} x the first, {rate:.2f} steps per second')


if __name__ == '__main__':
    main()
