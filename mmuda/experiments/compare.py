"""Trains configs over seeds, each run in its own process, and sets what they reached side by side."""

import json
import os
import re
import subprocess
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mmengine.config import Config

import mmuda
from mmuda.apis.config import load_config
from mmuda.apis.same_test import check_same_test
from mmuda.experiments.picture import TrainedRun, draw_comparison
from mmuda.experiments.table import Table
from mmuda.utils.errors import UserError
from mmuda.utils.fileio import write_atomically
from mmuda.utils.json_file import read_object
from mmuda.utils.locks import take_lock

POLL_SECONDS = 1.0
REPORT_SECONDS = 60.0
LOG_NAME = 'console.log'
# A failed run is explained by the end of its log; the whole of it would bury the other runs.
TAIL_LINES = 15
TAIL_BYTES = 16_384
WEIGHTS = ('last', 'best')
# Keys of a config that begin so change neither the weights nor the validation.
NOT_TRAINED = ('test_', 'tta_', 'visualizer', 'log_')
ITERATION = re.compile(rb'Iter\(train\) *\[ *(\d+)/ *(\d+)\]')


@dataclass
class Run:
    """One config trained with one seed.

    Attributes:
        config: Stem of the config's name.
        seed: The seed.
        config_path: The resolved config that the process reads.
        work_dir: Folder of the run.
        iterations: Length of the training.
        done: Iterations done, as far as its log tells.
        seconds: How long the process runs.
    """

    config: str
    seed: int
    config_path: Path
    work_dir: Path
    iterations: int
    done: int = 0
    seconds: float = 0.0
    process: subprocess.Popen | None = field(default=None, repr=False)
    _log_start: int = 0
    _started: float = 0.0
    _progress: list[tuple[int, float]] = field(default_factory=list, repr=False)

    def __str__(self) -> str:
        return f'{self.config} seed {self.seed}'

    @property
    def log(self) -> Path:
        return self.work_dir / LOG_NAME

    @property
    def summary(self) -> dict | None:
        """What the run reached, None if it has not ended."""
        path = self.work_dir / 'summary.json'
        if not path.is_file():
            return None
        summary = read_object(path, f'move {self.work_dir} away to train this run again', keys=('mode', 'seconds'))
        metrics = summary.get('metrics') or {}
        if not isinstance(metrics, dict) or not all(isinstance(v, int | float | None) for v in metrics.values()):
            raise UserError(f'metrics of {path} are not numbers by name; move {self.work_dir} away to train it again')
        return summary if summary['mode'] == 'train' else None

    @property
    def seconds_an_iteration(self) -> float | None:
        """Between the first and the last iteration that the process logged, so without its start."""
        if len(self._progress) < 2:
            return None
        (first, start), (last, end) = self._progress
        return (end - start) / (last - first)

    def start(self, command: list[str], environment: dict[str, str]) -> None:
        """Start or resume the training.

        Raises:
            UserError: If another process trains it.
        """
        with self.log.open('ab') as log:
            # Whoever inherits the file holds the lock: the training itself, even if this process was killed.
            if not take_lock(log):
                raise UserError(f'{self.work_dir} is being trained by another process; wait for it')
            self._log_start = log.tell()
            arguments = [str(self.config_path), '--work-dir', str(self.work_dir), '--seed', str(self.seed)]
            self.process = subprocess.Popen(
                [*command, *arguments, '--resume', 'auto'], stdout=log, stderr=subprocess.STDOUT, env=environment
            )
        self._started = time.monotonic()

    def update(self) -> None:
        """Read from the log how far the process is."""
        self.seconds = time.monotonic() - self._started
        found = ITERATION.findall(self.log_tail())
        if found and int(found[-1][0]) > self.done:
            self.done = int(found[-1][0])
            self._progress = [*self._progress[:1], (self.done, self.seconds)]

    def log_tail(self) -> bytes:
        """The end of what the process logged, without what earlier processes did."""
        with self.log.open('rb') as file:
            file.seek(max(self._log_start, self.log.stat().st_size - TAIL_BYTES))
            return file.read()


def compare(
    configs: Sequence[str | os.PathLike],
    out: str | os.PathLike,
    train_command: Sequence[str],
    seeds: Sequence[int] = (0, 1, 2),
    cfg_options: dict | None = None,
    jobs: int = 1,
    picture: bool = True,
    report: Callable[[str], None] | None = None,
    target_only: str | os.PathLike | None = None,
    columns: Sequence[str] = (),
    weights: str = 'last',
) -> Table:
    """Train each config with each seed and write ``table.md``, ``table.json`` and ``comparison.png`` to ``out``.

    A run that has ended (``summary.json``) with the same config is not repeated, one that was killed is resumed. If
    the config has changed, the folder of the old run is moved aside. Changes of code or data are not noticed.

    Args:
        configs: Config files; the first is what the others are compared with.
        out: Folder; the run of a seed goes to ``out/<config name>/seed<seed>``.
        train_command: Command of a training, e.g. ``[sys.executable, 'tools/train.py']``; it is given the config,
            ``--work-dir``, ``--seed`` and ``--resume auto``.
        seeds: Seeds; all configs are trained with the same ones, so that differences are paired.
        cfg_options: Values by dotted key that replace those of every config.
        jobs: Runs at a time; each gets its share of the cores.
        picture: Also draw predictions of the first and the last config beside each other.
        report: Called with a line a minute and at the end of each run; None prints.
        target_only: Which of the configs trains on the target's labels; adds the column NAM, the share of the gap from
            the first config to this one that each closes.
        columns: Other metrics of ``summary.json`` that the table shows, e.g. ``'mFscore'``.
        weights: ``'last'`` takes the metrics of the last validation, ``'best'`` those of the one that the configs'
            ``save_best`` chose.

    Returns:
        The table; ``str()`` of it is Markdown.

    Raises:
        UserError: If the arguments or configs are wrong, or runs failed; the table of the others is written before.
    """
    report = report or _print
    if jobs < 1 or not seeds or not configs:
        raise UserError(f'jobs={jobs}, {len(seeds)} seeds and {len(configs)} configs were given; at least one of each')
    if weights not in WEIGHTS:
        raise UserError(f'weights={weights!r} is unknown; choose one of {", ".join(WEIGHTS)}')
    names = [Path(config).stem for config in configs]
    target_only = None if target_only is None else Path(target_only).stem
    if target_only is not None and target_only not in names[1:]:
        raise UserError(
            f'target_only={target_only} is none of the configs after the first, {names[1:]}; add it to them'
        )
    runs = _prepare(configs, Path(out), list(dict.fromkeys(seeds)), cfg_options, report)
    failed = _Scheduler(runs, list(train_command), jobs, report).run()
    summaries = [(run.config, run.seed, _judged(run, found, weights)) for run in runs if (found := run.summary)]
    _check_columns(columns, summaries)
    table = Table.from_summaries(summaries, target_only, columns)
    write_atomically(f'{table}\n'.encode(), Path(out) / 'table.md')
    write_atomically((json.dumps(table.as_dict(), indent=2) + '\n').encode(), Path(out) / 'table.json')
    if failed:
        raise UserError(
            f'{len(failed)} of {len(runs)} runs failed: {", ".join(f"{run} ({run.log})" for run in failed)}; mend the '
            f'cause and give the same command again, only these are trained; the others are in {Path(out) / "table.md"}'
        )
    if picture:
        _draw(runs, Path(out) / 'comparison.png', report)
    return table


def _judged(run: Run, summary: dict, weights: str) -> dict:
    """A run's summary with the metrics of the weights that were asked for."""
    if weights == 'last':
        return summary
    if not summary.get('best'):
        raise UserError(
            f'{run.config} chose no checkpoint, so there are no best weights of {run}; set '
            "default_hooks.checkpoint.save_best in its config, or give weights='last'"
        )
    metrics = {name: value for name, value in summary['best'].items() if name not in ('best_score', 'iteration')}
    return dict(summary, metrics=metrics, selection=summary['selection'].removeprefix('last iteration; '))


def _check_columns(columns: Sequence[str], summaries: list[tuple[str, int, dict]]) -> None:
    known = sorted({name for _, _, summary in summaries for name in summary.get('metrics') or {}})
    missing = [name for name in columns if name not in known]
    if summaries and missing:
        raise UserError(f'no run has the metrics {", ".join(missing)}; there is {", ".join(known) or "none"}')


def _prepare(configs, out: Path, seeds: list[int], cfg_options: dict | None, report) -> list[Run]:
    """Write each config, with everything it inherits, beside its runs: editing it meanwhile changes no run."""
    names = [Path(path).stem for path in configs]
    if len(set(names)) < len(names):
        raise UserError(
            f'the configs {", ".join(names)} are not all named differently; rename one, its name is a folder'
        )
    cfgs = {name: load_config(path, cfg_options) for name, path in zip(names, configs, strict=True)}
    check_same_test(cfgs)
    runs = []
    for (name, cfg), path in zip(cfgs.items(), configs, strict=True):
        text, iterations = cfg.pretty_text, _iterations_of(cfg, path)
        for seed in seeds:
            work_dir = out / name / f'seed{seed}'
            copy = work_dir / 'config' / f'{name}.py'  # mmengine writes its own copy, changed, to the work_dir
            _move_other_run(work_dir, copy, text, report)
            run = Run(name, seed, copy, work_dir, iterations)
            if not copy.is_file():
                write_atomically(text.encode(), copy)
            runs.append(run)
    # Seed by seed: an early look at the table has all configs.
    return sorted(runs, key=lambda run: seeds.index(run.seed))


def _iterations_of(cfg, path) -> int:
    train_cfg = cfg.get('train_cfg') or {}
    if train_cfg.get('stages'):
        return sum(stage['iters'] for stage in train_cfg.stages)
    if train_cfg.get('max_iters'):
        return train_cfg.max_iters
    raise UserError(f'config {path}: train_cfg has neither stages nor max_iters; say how long to train')


def _move_other_run(work_dir: Path, copy: Path, text: str, report) -> None:
    """Nothing of a run of another config may be resumed or counted; nothing of it is deleted either."""
    if not work_dir.exists() or (copy.is_file() and _trains_the_same(copy.read_text(encoding='utf-8'), text)):
        return
    number = 1
    while (aside := work_dir.with_name(f'{work_dir.name}.old{number}')).exists():
        number += 1
    work_dir.rename(aside)
    report(f'{work_dir} holds a run of another config; it is moved to {aside}')


def _trains_the_same(text: str, other: str) -> bool:
    """Whether two configs differ at most in what no training depends on."""
    if text == other:
        return True
    parts = [
        {
            key: value
            for key, value in Config.fromstring(string, '.py').to_dict().items()
            if not key.startswith(NOT_TRAINED)
        }
        for string in (text, other)
    ]
    return parts[0] == parts[1]


class _Scheduler:
    """Keeps ``jobs`` processes busy and tells how far they are."""

    def __init__(self, runs: list[Run], command: list[str], jobs: int, report: Callable[[str], None]) -> None:
        self.runs = runs
        self.command = command
        self.jobs = jobs
        self.report = report
        self.waiting = deque(run for run in runs if run.summary is None)
        self.active: list[Run] = []
        self.failed: list[Run] = []

    def run(self) -> list[Run]:
        """Train everything that has not ended; returns the runs that failed."""
        known = len(self.runs) - len(self.waiting)
        self.report(f'{len(self.runs)} runs, {known} of them ended earlier, {self.jobs} at a time')
        last = time.monotonic()
        try:
            while self.waiting or self.active:
                while self.waiting and len(self.active) < self.jobs:
                    self.waiting[0].start(self.command, _environment(self.jobs))
                    self.active.append(self.waiting.popleft())
                time.sleep(POLL_SECONDS)
                ended = self._collect()
                if ended or time.monotonic() - last >= REPORT_SECONDS:
                    self.report(self._progress())
                    last = time.monotonic()
        finally:
            for run in self.active:  # only after an interruption
                run.process.terminate()
                run.process.wait()
        return self.failed

    def _collect(self) -> bool:
        """Take runs that have ended out of the active ones; returns whether there were any."""
        ended = []
        for run in self.active:
            status = run.process.poll()
            run.update()
            if status is not None:
                ended.append(run)
                self._tell_end(run, status)
        self.active = [run for run in self.active if run not in ended]
        return bool(ended)

    def _tell_end(self, run: Run, status: int) -> None:
        summary = run.summary if status == 0 else None
        if summary is None:
            self.failed.append(run)
            tail = run.log_tail().decode(errors='replace').splitlines()[-TAIL_LINES:]
            self.report('\n  '.join([f'{run} failed with status {status}; its log {run.log} ends:', *tail]))
            return
        run.done = run.iterations
        metrics = summary.get('metrics') or {}
        miou = f'mIoU {metrics["mIoU"]:.2f}' if metrics.get('mIoU') is not None else 'no mIoU'
        self.report(f'{run}: {miou}, {run.seconds:.0f} s')

    def _progress(self) -> str:
        finished = sum(run.summary is not None for run in self.runs)
        parts = [f'{finished}/{len(self.runs)} runs ended']
        parts += [f'{run} {run.done}/{run.iterations}' for run in self.active]
        left = self._seconds_left()
        if left:
            parts.append(
                f'about {_duration(left)} left, end {time.strftime("%H:%M", time.localtime(time.time() + left))}'
            )
        return f'[{time.strftime("%H:%M:%S")}] ' + '; '.join(parts)

    def _seconds_left(self) -> float | None:
        """Estimate from the speed of each config so far; a config that has none gets the mean of the others."""
        speeds: dict[str, list[float]] = {}
        for run in self.runs:
            if run.seconds_an_iteration is not None:
                speeds.setdefault(run.config, []).append(run.seconds_an_iteration)
        if not speeds:
            return None
        means = {config: sum(values) / len(values) for config, values in speeds.items()}
        default = sum(means.values()) / len(means)
        remaining = [
            (run.iterations - run.done) * means.get(run.config, default) for run in [*self.active, *self.waiting]
        ]
        return max([sum(remaining) / self.jobs, *remaining], default=0.0)


def _environment(jobs: int) -> dict[str, str]:
    """Environment of a run: its share of the cores, and the package that this process uses."""
    environment = dict(os.environ, PYTHONUNBUFFERED='1')
    cores = len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count() or 1
    environment.setdefault('OMP_NUM_THREADS', str(max(1, cores // jobs)))
    # Threads that spin while they wait take the cores from others: a step was three times slower on busy cores.
    environment.setdefault('OMP_WAIT_POLICY', 'PASSIVE')
    package = str(Path(mmuda.__file__).parents[1])
    environment['PYTHONPATH'] = os.pathsep.join(filter(None, [package, environment.get('PYTHONPATH')]))
    return environment


def _draw(runs: list[Run], path: Path, report) -> None:
    of_first_seed = [run for run in runs if run.seed == runs[0].seed]
    first, last = (
        TrainedRun(run.config, run.config_path, run.work_dir, (run.summary.get('metrics') or {}).get('mIoU'))
        for run in (of_first_seed[0], of_first_seed[-1])
    )
    draw_comparison(first, last, path)
    report(f'picture of the runs with seed {runs[0].seed}: {path}')


def _duration(seconds: float) -> str:
    minutes = seconds / 60
    return f'{seconds:.0f} s' if minutes < 1 else f'{minutes:.0f} min' if minutes < 120 else f'{minutes / 60:.1f} h'


def _print(line: str) -> None:
    print(line, flush=True)
