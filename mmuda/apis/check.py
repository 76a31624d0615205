"""Checks a config before a long training: builds everything, trains a few iterations, reports, keeps no files."""

import inspect
import math
import tempfile
from dataclasses import dataclass, field

from mmengine.config import Config
from mmengine.hooks import CheckpointHook
from mmengine.runner import Runner
from torch import nn

from mmuda.apis.adapt import check_adaptation
from mmuda.apis.check_short import Probe, StageTiming, shorten, unread_keys
from mmuda.apis.class_checks import (
    check_classes,
    check_pairing,
    classes_of,
    dataset_of,
    metrics_without_labels,
)
from mmuda.apis.dataset_notes import notes_of
from mmuda.apis.domain_statistics import lines_of_statistics, statistics_of, warnings_of_statistics
from mmuda.apis.plausible import implausible_distances
from mmuda.apis.prepare import prepare
from mmuda.apis.runner import build_runner, plain_errors
from mmuda.apis.start import start_of_training
from mmuda.apis.stream_report import StreamReport, channel_lines, report_streams, warnings_between, warnings_of_bands
from mmuda.apis.train import start_processes
from mmuda.checkpoints.finding import find_checkpoint
from mmuda.checkpoints.reading import load_weights
from mmuda.engine.model_wrapper import unwrapped
from mmuda.models.wrappers import Stage
from mmuda.utils.errors import UserError
from mmuda.utils.memory import peak_of_gpu, peak_of_process
from mmuda.utils.progress import duration

RUNNER_KEYS = tuple(inspect.signature(Runner.__init__).parameters)
# Number of samples from which class shares are estimated; more would turn the check into a pass over the data.
SAMPLES = 32


@dataclass
class CheckReport:
    """The findings of :func:`check`; ``str()`` gives the readable report.

    Attributes:
        networks: (name, parameters, trainable parameters) of each network.
        memory: Highest memory of the process in MiB, and of the GPU if there is one.
        stages: One for each stage.
        streams: One for each stream of the training data.
        learning_rates: Initial learning rates by optimiser.
        channels: Lines on the order and the values in which the network receives the channels.
        unread: Top-level names of the config that nothing reads.
        adaptation: Steps of the adaptation that follows the training.
        warnings: Suspicious findings, one sentence each.
    """

    networks: list[tuple[str, int, int]] = field(default_factory=list)
    memory: dict[str, float] = field(default_factory=dict)
    stages: list[StageTiming] = field(default_factory=list)
    streams: list[StreamReport] = field(default_factory=list)
    learning_rates: dict[str, list[float]] = field(default_factory=dict)
    channels: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    adaptation: list[str] = field(default_factory=list)
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
        lines += [f'  {line}' for line in self.channels]
        lines += [f'  (nobody reads {", ".join(self.unread)} of the config)'] if self.unread else []
        lines += ['training']
        for stage in self.stages:
            lines.append(f'  stage {stage.name}: {stage.iters} iterations, {stage.seconds:.2f} s per iteration')
            lines += [f'    {name} = {value:.4g}' for name, value in stage.losses.items()]
        if self.adaptation:
            lines.append(f'  then {" and ".join(self.adaptation)} are adapted, and the better model is chosen')
        why = ', no iteration was completed' if math.isnan(self.seconds) else ''
        lines.append(f'  estimate for all stages, validation not counted: {duration(self.seconds)}{why}')
        lines += [f'  highest memory, {where}: {amount:,.0f} MiB' for where, amount in self.memory.items()]
        if not self.warnings:
            return '\n'.join([*lines, 'nothing looks wrong'])
        return '\n'.join([*lines, 'this looks wrong', *(f'  - {warning}' for warning in self.warnings)])


def check(cfg: Config, amp: bool | str = False, seed: int | None = None) -> CheckReport:
    """Build everything in a config, run a few iterations of each stage on a copy, and report.

    Nothing is written where a run would write, and the config is not changed.

    Args:
        cfg: Config from :func:`mmuda.apis.load_config`.
        amp: As :func:`mmuda.apis.train`.
        seed: As :func:`mmuda.apis.train`.

    Returns:
        The report; warnings do not raise.

    Raises:
        UserError: For invalid configs; other errors are those that training would raise before its first iteration.
    """
    check_adaptation(cfg)
    with tempfile.TemporaryDirectory(prefix='mmuda_check_') as folder:
        start_processes(cfg)
        short = prepare(cfg, folder, seed, amp, start=start_of_training(cfg, folder, resume=False))
        _check_lengths(short)
        stages = shorten(short)
        runner = build_runner(short)
        runner.register_hook(Probe(stages), priority='LOW')
        report = CheckReport(stages=stages, unread=unread_keys(cfg, RUNNER_KEYS))
        report.adaptation = list(cfg.get('adaptation_steps') or ())
        _run(runner, short, report)
        report.networks = networks_of(unwrapped(runner.model))
        report.learning_rates = learning_rates_of(runner)
        report.streams = report_streams(runner.train_dataloader.dataset, SAMPLES, runner.seed)
        report.channels = channel_lines(report.streams, unwrapped(runner.model))
        found = statistics_of(runner.train_dataloader.dataset)
        report.channels += lines_of_statistics(found, unwrapped(runner.model))
        report.memory = peak_memory()
        report.warnings += _warnings_of_data(runner)
        report.warnings += warnings_of_statistics(found, unwrapped(runner.model))
    report.warnings += [warning for stream in report.streams for warning in stream.warnings()]
    report.warnings += warnings_between(report.streams) + warnings_of_bands(report.streams)
    report.warnings += _warnings_of_rates(report)
    return report


def _check_lengths(cfg: Config) -> None:
    """Validate the stage lengths of the config before :func:`shorten` replaces them."""
    train_cfg = cfg.get('train_cfg') or {}
    for stage in train_cfg.get('stages') or ():
        if Stage.from_cfg(stage).iters is None:
            raise UserError(
                f"train_cfg.stages: the stage '{stage.get('name', Stage.name)}' has no iters; give its length"
            )
    if not train_cfg.get('stages') and train_cfg.get('max_iters') is not None:
        Stage.from_cfg(dict(name='of max_iters', iters=train_cfg.max_iters))


def _warnings_of_data(runner: Runner) -> list[str]:
    """Suspicious findings in the data for training, validation and test."""
    found = []
    for split, loop in (('train', runner._train_loop), ('val', runner._val_loop), ('test', runner._test_loop)):
        dataset = dataset_of(loop)
        if dataset is not None:
            found += implausible_distances(dataset, split)
            found += [note for note in notes_of(dataset) if not any(told.endswith(note) for told in found)]
    return list(dict.fromkeys(found))


def _run(runner: Runner, cfg: Config, report: CheckReport) -> None:
    """Train, validate, test and write a checkpoint as the config says, all shortened."""
    try:
        with plain_errors(runner):
            report.warnings += check_pairing(runner)
            runner.train()
            _try_test(runner, cfg)
    except FloatingPointError as error:
        report.warnings.append(f'training stops: {error}')
    else:
        report.warnings += _try_checkpoint(runner)
    for stage in report.stages:
        bad = [name for name, value in stage.losses.items() if value != value or abs(value) == float('inf')]
        if bad:
            report.warnings.append(f'stage {stage.name}: {", ".join(bad)} is not finite; lower the learning rate')


def _try_test(runner: Runner, cfg: Config) -> None:
    """Test on a few batches, unless the validation was the same."""
    test, val = ({key: cfg.get(f'{split}_{key}') for key in ('dataloader', 'evaluator')} for split in ('test', 'val'))
    if not test['dataloader'] or test == val:
        return
    trained = classes_of(dataset_of(runner.train_loop))
    check_classes(unwrapped(runner.model), dataset_of(runner.test_loop), 'test', trained)
    if metrics_without_labels(runner.test_loop):  # such a test set only says how images are read for prediction
        runner.test_loop.evaluator.metrics = []
    runner.test()


def _try_checkpoint(runner: Runner) -> list[str]:
    """Load the checkpoint of the short run as a resumed run would."""
    counting = [hook for hook in runner.hooks if isinstance(hook, CheckpointHook) and not hook.by_epoch]
    if not counting:
        return [
            'no checkpoint is written before the end, so a run that is killed is lost; give default_hooks a '
            "checkpoint=dict(type='CheckpointHook', by_epoch=False, interval=...)"
        ]
    path = find_checkpoint(runner.work_dir)
    load_weights(unwrapped(runner.model), path)
    return []


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
    """Initial learning rates by optimiser, without duplicates."""
    wrapper = runner.optim_wrapper
    members = dict(wrapper.items()) if hasattr(wrapper, 'items') else {'optimizer': wrapper}
    return {
        name: sorted({float(group.get('initial_lr', group['lr'])) for group in member.optimizer.param_groups})
        for name, member in members.items()
    }


def peak_memory() -> dict[str, float]:
    """Highest memory so far in MiB: of the process, and of the GPU if there is one."""
    peaks = {'process': peak_of_process(), 'GPU': peak_of_gpu()}
    return {name: peak for name, peak in peaks.items() if peak is not None}


def _warnings_of_rates(report: CheckReport) -> list[str]:
    return [
        f'optimiser {name} has learning rate 0: it trains nothing'
        for name, rates in report.learning_rates.items()
        if 0.0 in rates
    ]
