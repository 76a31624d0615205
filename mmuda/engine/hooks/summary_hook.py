"""Writes a summary of what each run reached."""

from __future__ import annotations

import json
import math
import statistics
import time
from pathlib import Path

import torch
from mmengine.dist import is_main_process
from mmengine.hooks import CheckpointHook, Hook

from mmuda.registry import HOOKS
from mmuda.utils.json_file import write_json
from mmuda.utils.memory import peak_of_gpu, peak_of_process

# Entry of a checkpoint's `meta`.
SO_FAR = 'so_far'
NO_VALIDATION = 'the config has no validation set with labels (val_dataloader, val_cfg, val_evaluator)'


@HOOKS.register_module()
class SummaryHook(Hook):
    """Writes ``WORK_DIR/summary.json`` at the end of training, ``test_summary.json`` at the end of testing.

    Keys: ``metrics`` (of the last validation, percent; null if there is none; ``why`` then gives the reason),
    ``selection`` (how the checkpoint was chosen), ``best`` (where ``save_best`` chose one: its score and all metrics of
    that validation), ``config``, ``seed``, ``iterations``, ``seconds`` (of all parts of a resumed run, up to the
    checkpoints it continued from), ``iterations_per_second`` (by the median over all iterations), ``peak_memory_mib``
    (the highest of all parts; on a GPU what training allocated, otherwise of the process), ``resumed_from`` (iteration)
    and ``world_size``.
    """

    # Before mmengine's LoggerHook, which resets a GPU's peak.
    priority = 'NORMAL'

    def before_run(self, runner) -> None:
        self._metrics: dict | None = None
        self._start = time.perf_counter()
        self._earlier: dict = {}
        self._allocated = 0

    def after_load_checkpoint(self, runner, checkpoint: dict) -> None:
        if runner._resume:
            self._earlier = _earlier_parts(checkpoint)

    def before_save_checkpoint(self, runner, checkpoint: dict) -> None:
        so_far = dict(seconds=self._seconds(), peak_memory_mib=self._peak_memory())
        checkpoint.setdefault('meta', {})[SO_FAR] = so_far

    def _seconds(self) -> float:
        return self._earlier.get('seconds', 0.0) + time.perf_counter() - self._start

    def _peak_memory(self) -> int | None:
        return max(_peak_memory(self._allocated) or 0, self._earlier.get('peak_memory_mib') or 0) or None

    def before_train(self, runner) -> None:
        self._first_iteration = runner.iter
        self._allocated = 0

    def after_train_iter(self, runner, batch_idx: int, data_batch=None, outputs=None) -> None:
        if torch.cuda.is_available():
            self._allocated = max(self._allocated, peak_of_gpu())

    def after_val_epoch(self, runner, metrics: dict[str, float] | None = None) -> None:
        self._metrics = metrics
        self._keep_best(runner, metrics or {})

    @staticmethod
    def _keep_best(runner, metrics: dict[str, float]) -> None:
        """Keep all metrics of the best validation by ``save_best`` where checkpoints store them."""
        for hook in runner.hooks:
            if not isinstance(hook, CheckpointHook) or hook.save_best is None or not metrics:
                continue
            if 'auto' in hook.key_indicators:  # as mmengine resolves it, a moment later
                hook._init_rule(hook.rules, [next(iter(metrics))])
            # mmengine makes a list even of one; of several, the first counts.
            name, rule = hook.key_indicators[0], hook.rules[0]
            new = _finite(metrics[name]) if name in metrics else None
            kept = runner.message_hub.runtime_info.get('best_metrics')
            old = kept and kept[name]
            if new is not None and (old is None or hook.rule_map[rule](new, old)):
                kept = {key: _finite(value) for key, value in metrics.items()}
                runner.message_hub.update_info('best_metrics', {**kept, 'iteration': runner.iter})

    def after_test_epoch(self, runner, metrics: dict[str, float] | None = None) -> None:
        self._metrics = metrics
        # Another name: testing the run's own checkpoint must not overwrite the training summary.
        self._write(runner, dict(mode='test', checkpoint=runner._load_from), 'test_summary.json')

    def after_train(self, runner) -> None:
        if self._first_iteration == runner.iter and self._metrics is None and _has_summary(runner):
            return  # a finished run was resumed: there is nothing new to report
        self._write(
            runner,
            dict(
                mode='train',
                **self._selection(runner),
                iterations=runner.iter,
                resumed_from=self._first_iteration or None,
                iterations_per_second=_rate(runner),
                peak_memory_mib=self._peak_memory(),
            ),
        )

    @staticmethod
    def _selection(runner) -> dict:
        """How the reported weights were chosen; a choice by target labels must be reported."""
        for hook in runner.hooks:
            if isinstance(hook, CheckpointHook) and hook.save_best is not None:
                info = runner.message_hub.runtime_info
                best = {k: _finite(info[k]) for k in info if k.startswith('best_score')}
                best.update(info.get('best_metrics') or {})
                name = hook.key_indicators[0]
                return dict(selection=f'last iteration; best by {name} of the validation set', best=best)
        return dict(selection='last iteration')

    def _write(self, runner, head: dict, name: str = 'summary.json') -> None:
        if not is_main_process():
            return
        summary = dict(
            config=Path(runner.cfg.filename).stem if runner.cfg.filename else None,
            **head,
            metrics=None if not self._metrics else {k: _finite(v) for k, v in self._metrics.items()},
            seed=runner.seed,
            seconds=round(self._seconds(), 1),
            world_size=runner.world_size,
        )
        if summary['metrics'] is None:
            summary['why'] = NO_VALIDATION
        write_json(summary, Path(runner.work_dir) / name)


def _has_summary(runner) -> bool:
    """Whether the summary of the run's last iteration exists."""
    path = Path(runner.work_dir) / 'summary.json'
    try:
        summary = json.loads(path.read_text(encoding='utf-8'))
    except (OSError, ValueError):
        return False
    return isinstance(summary, dict) and (summary.get('mode'), summary.get('iterations')) == ('train', runner.iter)


def _peak_memory(allocated: int) -> int | None:
    """MiB allocated on the GPU, else held by the process; None if the system does not report it."""
    peak = allocated if torch.cuda.is_available() else peak_of_process()
    return None if peak is None else round(peak)


def _rate(runner) -> float | None:
    """Training iterations per second including data loading; the median, since some wait for a save."""
    history = runner.message_hub.log_scalars.get('train/time')
    times = [] if history is None else list(history.data[0])
    return round(1 / max(statistics.median(times), 1e-9), 3) if times else None


def _earlier_parts(checkpoint: dict) -> dict:
    """Seconds and memory of the run up to a checkpoint; older checkpoints have only the times of iterations."""
    so_far = checkpoint['meta'].get(SO_FAR)
    if isinstance(so_far, dict):
        return so_far
    history = checkpoint['message_hub'].get('log_scalars', {}).get('train/time')
    return {} if history is None else dict(seconds=float(sum(history.data[0])))


def _finite(value: float) -> float | None:
    """JSON has no NaN (a class that occurs neither in truth nor in prediction has no IoU) and no NumPy scalars."""
    value = round(float(value), 4)
    return value if math.isfinite(value) else None
