"""Looks at a config before hours go into it: builds everything, trains a few iterations, reports, keeps nothing."""

import copy
import resource
import sys
import tempfile
import time
from dataclasses import dataclass, field

import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from torch import nn

from mmuda.apis.dataset_notes import notes_of
from mmuda.apis.runner import build_runner, check_class_counts, check_classes, name_near_misses
from mmuda.apis.stream_report import StreamReport, report_streams
from mmuda.apis.train import prepare_training
from mmuda.utils.errors import UserError

# The first iteration of a stage warms up (loader, memory, kernels); the others are timed.
STEPS = 3
# Samples looked at for class shares; beyond that a check would become a pass over the data.
SAMPLES = 32


@dataclass
class StageTiming:
    """A stage as the check saw it.

    Attributes:
        name: Name of the stage.
        iters: Iterations that the config gives it.
        seconds: Seconds an iteration, loading included.
        losses: Logged scalars of the last iteration.
    """

    name: str
    iters: int
    seconds: float = float('nan')
    losses: dict[str, float] = field(default_factory=dict)


@dataclass
class CheckReport:
    """What :func:`check` found; ``str()`` is the text for a person.

    Attributes:
        networks: (name, parameters, trainable parameters) of each network.
        memory: Highest memory of the process in MiB, and of the GPU if there is one.
        stages: One for each stage.
        streams: One for each stream of the training data.
        learning_rates: Initial learning rates by optimiser.
        warnings: What looks wrong, one sentence each.
    """

    networks: list[tuple[str, int, int]] = field(default_factory=list)
    memory: dict[str, float] = field(default_factory=dict)
    stages: list[StageTiming] = field(default_factory=list)
    streams: list[StreamReport] = field(default_factory=list)
    learning_rates: dict[str, list[float]] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        """Estimate for all training iterations, validation not counted."""
        return sum(stage.iters * stage.seconds for stage in self.stages)

    def __str__(self) -> str:
        lines = ['networks']
        lines += [f'  {name:<40} {total:>12,} parameters, {able:,} trainable' for name, total, able in self.networks]
        lines += ['learning rates']
        lines += [f'  {name}: {", ".join(f"{lr:g}" for lr in rates)}' for name, rates in self.learning_rates.items()]
        lines += ['data']
        lines += [f'  {line}' for stream in self.streams for line in stream.lines()]
        lines += ['training']
        for stage in self.stages:
            lines.append(f'  stage {stage.name}: {stage.iters} iterations, {stage.seconds:.2f} s an iteration')
            lines += [f'    {name} = {value:.4g}' for name, value in stage.losses.items()]
        lines.append(f'  estimate for all stages, validation not counted: {_duration(self.seconds)}')
        lines += [f'  highest memory, {where}: {amount:,.0f} MiB' for where, amount in self.memory.items()]
        if not self.warnings:
            return '\n'.join([*lines, 'nothing looks wrong'])
        return '\n'.join([*lines, 'this looks wrong', *(f'  - {warning}' for warning in self.warnings)])


def check(cfg: Config, amp: bool | str = False, seed: int | None = None) -> CheckReport:
    """Build everything that a config describes, run a few iterations of each stage on a copy, and report.

    Nothing is written where a run would write; the config is left as it is.

    Args:
        cfg: Config from :func:`mmuda.apis.load_config`.
        amp: As :func:`mmuda.apis.train`.
        seed: As :func:`mmuda.apis.train`.

    Returns:
        The report; warnings do not raise.

    Raises:
        UserError: And whatever else training would raise before its first iteration.
    """
    with tempfile.TemporaryDirectory(prefix='mmuda_check_') as folder:
        short = copy.deepcopy(cfg)
        prepare_training(short, work_dir=folder, amp=amp, seed=seed)
        stages = shorten(short)
        probe = _Probe(stages)
        runner = build_runner(short)
        runner.register_hook(probe, priority='LOWEST')
        report = CheckReport(stages=stages)
        _run(runner, report)
        report.warnings += notes_of(runner.train_dataloader.dataset)
        report.networks = networks_of(unwrapped(runner.model))
        report.learning_rates = learning_rates_of(runner)
        report.streams = report_streams(runner.train_dataloader.dataset, SAMPLES, runner.seed)
        report.memory = peak_memory()
        for split in ('val', 'test'):
            _try_loader(runner, cfg, split, report)
    report.warnings += [warning for stream in report.streams for warning in stream.warnings()]
    report.warnings += _warnings_between(report.streams) + _warnings_of_rates(report)
    return report


def shorten(cfg: Config) -> list[StageTiming]:
    """Cut each stage of a config to ``STEPS`` iterations, without checkpoints or validation.

    Returns:
        The stages with their real lengths.

    Raises:
        UserError: If the config does not say how long to train.
    """
    for name in ('val_cfg', 'val_dataloader', 'val_evaluator'):
        cfg[name] = None
    hooks = {name: hook for name, hook in (cfg.get('default_hooks') or {}).items() if name != 'visualization'}
    cfg.default_hooks = {**hooks, 'checkpoint': None}
    cfg.log_level = 'WARNING'
    train_cfg = cfg.get('train_cfg') or {}
    if train_cfg.get('stages'):
        stages = [StageTiming(stage.get('name', str(i)), stage['iters']) for i, stage in enumerate(train_cfg.stages)]
        for stage in train_cfg.stages:
            stage.iters = STEPS
        return stages
    if train_cfg.get('max_iters'):
        stages = [StageTiming('train', train_cfg.max_iters)]
        train_cfg.max_iters = STEPS
        return stages
    raise UserError(f'config {cfg.filename}: train_cfg has neither stages nor max_iters; say how long to train')


class _Probe(Hook):
    """Times iterations, keeps the last logged scalars of each stage."""

    def __init__(self, stages: list[StageTiming]) -> None:
        self.stages = stages
        self._timed: list[float] = []
        self._last = 0.0

    def after_train_iter(self, runner: Runner, batch_idx: int, data_batch=None, outputs: dict | None = None) -> None:
        if torch.cuda.is_available():
            torch.cuda.synchronize()  # kernels run on after the call that started them has returned
        now = time.perf_counter()
        stage, step = divmod(runner.iter, STEPS)
        if step:
            self._timed.append(now - self._last)
        self._last = now
        if step + 1 < STEPS:
            return
        self.stages[stage].seconds = sum(self._timed) / len(self._timed)
        self.stages[stage].losses = {name: float(value) for name, value in (outputs or {}).items()}
        self._timed = []


def _run(runner: Runner, report: CheckReport) -> None:
    try:
        check_class_counts(runner)
        runner.train()
    except FloatingPointError as error:
        report.warnings.append(f'training stops: {error}')
    except KeyError as error:
        raise name_near_misses(error) from error
    for stage in report.stages:
        bad = [name for name, value in stage.losses.items() if value != value or abs(value) == float('inf')]
        if bad:
            report.warnings.append(f'stage {stage.name}: {", ".join(bad)} is not finite; lower the learning rate')


def _try_loader(runner: Runner, cfg: Config, split: str, report: CheckReport) -> None:
    """Read one sample of the validation or test set, so that its mistakes show now and not after hours."""
    loader = cfg.get(f'{split}_dataloader')
    if not loader:
        return
    dataset = runner.build_dataloader({**loader, 'num_workers': 0, 'persistent_workers': False}).dataset
    if len(dataset) == 0:
        raise UserError(f'{split}_dataloader.dataset has no samples; check its data_root and data_prefix')
    check_classes(runner, dataset, split)
    report.warnings += [note for note in notes_of(dataset) if not any(told.endswith(note) for told in report.warnings)]
    dataset[0]


def unwrapped(model: nn.Module) -> nn.Module:
    """The model itself, without the wrapper of a distributed run."""
    return model.module if is_model_wrapper(model) else model


def networks_of(model: nn.Module) -> list[tuple[str, int, int]]:
    """(name, parameters, trainable parameters) of the segmentor, each term with parameters, and the rest."""
    counts = []
    for name, child in model.named_children():
        parts = child.named_children() if name == 'terms' else [(None, child)]
        for part, module in parts:
            parameters = list(module.parameters())
            if parameters:
                label = name if part is None else f'{name}.{part}'
                total = sum(p.numel() for p in parameters)
                counts.append((label, total, total if label != 'teacher' else 0))
    return counts


def learning_rates_of(runner: Runner) -> dict[str, list[float]]:
    """Initial learning rates, each once, by optimiser."""
    wrapper = runner.optim_wrapper
    members = dict(wrapper.items()) if hasattr(wrapper, 'items') else {'optimizer': wrapper}
    return {
        name: sorted({float(group.get('initial_lr', group['lr'])) for group in member.optimizer.param_groups})
        for name, member in members.items()
    }


def peak_memory() -> dict[str, float]:
    """Highest memory so far in MiB: of the process, and of the GPU if there is one."""
    unit = 1 if sys.platform == 'darwin' else 1024  # ru_maxrss is in bytes there, in KiB elsewhere
    memory = {'process': resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20}
    if torch.cuda.is_available():
        memory['GPU'] = torch.cuda.max_memory_allocated() / 2**20
    return memory


def _warnings_of_rates(report: CheckReport) -> list[str]:
    return [
        f'optimiser {name} has learning rate 0: it trains nothing'
        for name, rates in report.learning_rates.items()
        if 0.0 in rates
    ]


def _warnings_between(streams: list[StreamReport]) -> list[str]:
    """Streams that a network sees as images should cover the same ground."""
    known = [stream for stream in streams if stream.extent is not None]
    warnings = []
    for first, second in zip(known, known[1:], strict=False):
        ratio = first.extent / second.extent
        if not 0.9 < ratio < 1.1:
            warnings.append(
                f'crops of {first.name} cover {first.extent:.1f} m and those of {second.name} {second.extent:.1f} m: '
                'give both the same ground extent, unless the difference in scale is meant'
            )
    return warnings


def _duration(seconds: float) -> str:
    if seconds != seconds:
        return 'unknown, no iteration was completed'
    minutes = seconds / 60
    return f'{minutes:.1f} min' if minutes < 120 else f'{minutes / 60:.1f} h'
