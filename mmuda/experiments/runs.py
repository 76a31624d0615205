"""Runs trainings in separate processes and tracks their progress."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from queue import SimpleQueue

import torch

import mmuda
from mmuda.utils.errors import UserError
from mmuda.utils.json_file import read_object
from mmuda.utils.locks import take_lock
from mmuda.utils.progress import duration

POLL_SECONDS = 1.0
REPORT_SECONDS = 60.0
LOG_NAME = 'console.log'
# For a failed run only the end of its log is shown; the whole log would bury the other runs.
TAIL_LINES = 15
TAIL_BYTES = 16_384
ITERATION = re.compile(rb'Iter\(train\) *\[ *(\d+)/ *(\d+)\]')


def training_command(tool: str) -> list[str]:
    """Command of ``train.py`` beside a tool. On SIGTERM the tool then also ends the trainings that it started.

    Args:
        tool: Path of the tool.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    return [sys.executable, str(Path(tool).with_name('train.py'))]


class RunTakenError(UserError):
    """Another process trains a run."""


@dataclass
class Run:
    """One config trained with one seed.

    Attributes:
        config: Stem of the config's name.
        seed: The seed.
        config_path: The resolved config that the process reads.
        work_dir: Folder of the run.
        iterations: Length of the training.
        command: Command in place of the one that trains, with the same arguments.
        done: Iterations done, as far as its log tells.
        seconds: Running time of the process.
    """

    config: str
    seed: int
    config_path: Path
    work_dir: Path
    iterations: int
    command: Sequence[str] | None = None
    done: int = 0
    seconds: float = 0.0
    process: subprocess.Popen | None = field(default=None, repr=False)
    _stopped: bool = False
    _starting: threading.Lock = field(default_factory=threading.Lock, repr=False)
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
        """Content of the run's summary, None if it has not ended."""
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
        """Speed between the first and the last logged iteration of the process, so without start-up."""
        if len(self._progress) < 2:
            return None
        (first, start), (last, end) = self._progress
        return (end - start) / (last - first)

    @property
    def active(self) -> bool:
        """Whether its process is running."""
        return self.process is not None and self.process.poll() is None

    def train(self, command: list[str], environment: dict[str, str]) -> int:
        """Start or resume the training and wait for its end; returns the exit status.

        Raises:
            RunTakenError: If another process trains it.
        """
        with self._starting:
            if self._stopped:
                return -signal.SIGTERM
            self._start(command, environment)
        return self.process.wait()

    def _start(self, command: list[str], environment: dict[str, str]) -> None:
        with self.log.open('ab') as log:
            # The training inherits the file and thus holds the lock, even if this process is killed.
            if not take_lock(log):
                raise RunTakenError(f'{self.work_dir} is being trained by another process; wait for it')
            self._log_start = log.tell()
            self._started = time.monotonic()
            arguments = [str(self.config_path), '--work-dir', str(self.work_dir), '--seed', str(self.seed)]
            self.process = subprocess.Popen(
                [*(self.command or command), *arguments, '--resume', 'auto'],
                stdout=log,
                stderr=subprocess.STDOUT,
                env=environment,
            )

    def stop(self) -> None:
        """End the process if it is running, and prevent it from starting."""
        with self._starting:
            self._stopped = True
        if self.active:
            self.process.terminate()

    def update(self) -> None:
        """Read the progress of the process from its log."""
        self.seconds = time.monotonic() - self._started
        found = ITERATION.findall(self.log_tail())
        if found and int(found[-1][0]) > self.done:
            self.done = int(found[-1][0])
            self._progress = [*self._progress[:1], (self.done, self.seconds)]

    def log_tail(self) -> bytes:
        """The end of the log of this process, without that of earlier ones."""
        with self.log.open('rb') as file:
            file.seek(max(self._log_start, self.log.stat().st_size - TAIL_BYTES))
            return file.read()


def train_all(
    runs: Sequence[Run],
    command: Sequence[str],
    jobs: int,
    report: Callable[[str], None],
    skip_taken: bool = False,
) -> list[Run]:
    """Train all unfinished runs, ``jobs`` at a time.

    Args:
        runs: The runs, in the order in which they start.
        command: Command of a training, see :func:`compare`.
        jobs: Number of parallel processes.
        report: Called with one line per minute and one at the end of each run.
        skip_taken: Leave a run that another process trains to it, in place of an error.

    Returns:
        The runs that failed.

    Raises:
        UserError: If another process trains one of them and ``skip_taken`` is off; the others are ended.
    """
    waiting = [run for run in runs if run.summary is None]
    report(f'{len(runs)} runs, {len(runs) - len(waiting)} of them ended earlier, {jobs} at a time')
    # One thread per process; it only waits.
    with ThreadPoolExecutor(jobs) as pool:
        environments: SimpleQueue = SimpleQueue()
        for slot in range(jobs):
            environments.put(_environment(jobs, slot))
        train = partial(_train_in_turn, list(command), environments, skip_taken)
        futures = {pool.submit(train, run): run for run in waiting}
        try:
            return _watch(futures, runs, jobs, report)
        finally:  # runs are left only after an error or an interruption
            for future in futures:
                future.cancel()
            for run in waiting:
                run.stop()


def _train_in_turn(command: list[str], environments: SimpleQueue, skip_taken: bool, run: Run) -> int | None:
    """Train a run in a free environment; None if another process trains it or has ended it since."""
    environment = environments.get()
    try:
        if skip_taken and run.summary is not None:
            return None
        return run.train(command, environment)
    except RunTakenError:
        if not skip_taken:
            raise
        return None
    finally:
        environments.put(environment)


def _watch(futures: dict[Future, Run], runs: Sequence[Run], jobs: int, report: Callable[[str], None]) -> list[Run]:
    """Report the progress of the runs until all have ended; returns those that failed."""
    failed, unfinished, last = [], set(futures), time.monotonic()
    while unfinished:
        ended, unfinished = wait(unfinished, POLL_SECONDS, FIRST_COMPLETED)
        for run in futures.values():
            if run.active:
                run.update()
        for future in ended:
            run, status = futures[future], future.result()
            if status is None:
                report(f'{run} is left to another process')
                continue
            run.update()
            if status != 0 or run.summary is None:
                failed.append(run)
                report(_failure(run, status))
            else:
                run.done = run.iterations
                report(f'{run}: {_score(run.summary)}, {run.seconds:.0f} s')
        if ended or time.monotonic() - last >= REPORT_SECONDS:
            report(_progress(runs, [futures[future] for future in unfinished], jobs))
            last = time.monotonic()
    return failed


def _failure(run: Run, status: int) -> str:
    tail = run.log_tail().decode(errors='replace').splitlines()[-TAIL_LINES:]
    return '\n  '.join([f'{run} failed with status {status}; its log {run.log} ends:', *tail])


def _score(summary: dict) -> str:
    miou = (summary.get('metrics') or {}).get('mIoU')
    return 'no mIoU' if miou is None else f'mIoU {miou:.2f}'


def _progress(runs: Sequence[Run], unfinished: Sequence[Run], jobs: int) -> str:
    finished = sum(run.summary is not None for run in runs)
    parts = [f'{finished}/{len(runs)} runs ended']
    parts += [f'{run} {run.done}/{run.iterations}' for run in unfinished if run.active]
    left = seconds_left(runs, unfinished, jobs)
    if left:
        end = time.strftime('%H:%M', time.localtime(time.time() + left))
        parts.append(f'about {duration(left)} left, end {end}')
    return f'[{time.strftime("%H:%M:%S")}] ' + '; '.join(parts)


def seconds_left(runs: Sequence[Run], unfinished: Sequence[Run], jobs: int) -> float | None:
    """Estimate from the speed of each config so far; a config without one gets the mean of the others."""
    speeds: dict[str, list[float]] = {}
    for run in runs:
        if run.seconds_an_iteration is not None:
            speeds.setdefault(run.config, []).append(run.seconds_an_iteration)
    if not speeds:
        return None
    means = {config: sum(values) / len(values) for config, values in speeds.items()}
    default = sum(means.values()) / len(means)
    remaining = [(run.iterations - run.done) * means.get(run.config, default) for run in unfinished]
    return max([sum(remaining) / jobs, *remaining], default=0.0)


def _environment(jobs: int, slot: int = 0) -> dict[str, str]:
    """Environment of a run: its share of the cores, one GPU if it is not alone, and the same package as this process.

    Args:
        jobs: Runs at a time.
        slot: Number of this run among them; runs take the GPUs in turns.
    """
    environment = dict(os.environ, PYTHONUNBUFFERED='1')
    cores = len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count() or 1
    environment.setdefault('OMP_NUM_THREADS', str(max(1, cores // jobs)))
    # Threads that spin while waiting take cores from others: a step was three times slower on busy cores.
    environment.setdefault('OMP_WAIT_POLICY', 'PASSIVE')
    gpus = [gpu for gpu in environment.get('CUDA_VISIBLE_DEVICES', '').split(',') if gpu]
    gpus = gpus or [str(number) for number in range(torch.cuda.device_count())]
    if gpus and jobs > 1:
        environment['CUDA_VISIBLE_DEVICES'] = gpus[slot % len(gpus)]
    package = str(Path(mmuda.__file__).parents[1])
    environment['PYTHONPATH'] = os.pathsep.join(filter(None, [package, environment.get('PYTHONPATH')]))
    return environment
