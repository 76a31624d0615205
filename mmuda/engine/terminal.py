"""One live line for a training on a terminal; elsewhere the plain lines of the log stay as they are."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from mmengine.dist import get_world_size, is_main_process
from mmengine.hooks import Hook
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Column

from mmuda.engine.model_wrapper import unwrapped

SECONDS_BETWEEN = 0.1
# Iterations whose time is averaged for the rate.
WINDOW = 20


@contextmanager
def live_line(runner) -> Iterator[None]:
    """While a training runs: a bar with stage, iteration, losses, images per second and the time left.

    It is drawn if the standard output is a terminal, by the first process. The lines of the log that it replaces go to
    the log file alone; all others are printed above it.

    Args:
        runner: The Runner, before its training.
    """
    console = Console(file=sys.stdout)
    if not (is_main_process() and sys.stdout.isatty() and not console.is_dumb_terminal):
        yield
        return
    handlers = [
        handler
        for handler in runner.logger.handlers
        if isinstance(handler, logging.StreamHandler) and getattr(handler.stream, 'isatty', bool)()
    ]
    # No thread that refreshes: workers of a loader are forked, and would inherit its lock as it is.
    with _progress(console) as progress:
        hook = LiveLineHook(progress)
        runner.register_hook(hook, priority='LOWEST')
        streams = [handler.stream for handler in handlers]
        for handler in handlers:
            handler.setStream(sys.stdout)  # which the display has replaced
            handler.addFilter(_is_news)
        try:
            yield
        finally:
            for handler, stream in zip(handlers, streams, strict=True):
                handler.setStream(stream)
                handler.removeFilter(_is_news)
            runner.hooks.remove(hook)


def _progress(console: Console) -> Progress:
    return Progress(
        TextColumn('{task.description}', markup=False),
        BarColumn(bar_width=None, table_column=Column(ratio=1, min_width=4)),
        MofNCompleteColumn(),
        TextColumn('{task.fields[left]}'),
        TextColumn('{task.fields[rate]}'),
        TextColumn('{task.fields[losses]}', markup=False, table_column=Column(no_wrap=True, overflow='ellipsis')),
        console=console,
        auto_refresh=False,
        transient=True,
        expand=True,
    )


def _is_news(record: logging.LogRecord) -> bool:
    """Whether a line of the log says what the bar does not: those of iterations have an estimate of the end."""
    message = record.getMessage()
    return not (message.startswith('Iter(') and 'eta: ' in message)


class LiveLineHook(Hook):
    """Keeps the live line up to date.

    Args:
        progress: The display.
    """

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._drawn = 0.0
        self._stage = ''
        self._task = progress.add_task('starting', total=None, left='', rate='', losses='')

    def before_train(self, runner) -> None:
        self._progress.update(self._task, total=runner.max_iters, completed=runner.iter)

    def after_train_iter(self, runner, batch_idx: int, data_batch=None, outputs=None) -> None:
        if not self._is_due(last=runner.iter + 1 == runner.max_iters):
            return
        hub = runner.message_hub
        history = hub.log_scalars.get('train/time')
        seconds = history.mean(WINDOW) if history is not None else 0.0
        images = _images_in(data_batch) * get_world_size()
        self._stage = getattr(getattr(unwrapped(runner.model), 'stage', None), 'name', 'train')
        self._draw(
            description=self._stage,
            completed=runner.iter + 1,
            left=_clock(hub.get_info('eta', 0)),
            rate=f'{images / seconds:.1f} images/s' if seconds else '',
            losses=_losses(hub),
        )

    def after_val_iter(self, runner, batch_idx: int, data_batch=None, outputs=None) -> None:
        if self._is_due():
            self._draw(description=f'{self._stage}, validation {batch_idx + 1}/{len(runner.val_dataloader)}')

    def _is_due(self, last: bool = False) -> bool:
        return last or time.monotonic() - self._drawn >= SECONDS_BETWEEN

    def _draw(self, **fields) -> None:
        self._drawn = time.monotonic()
        self._progress.update(self._task, **fields, refresh=True)


def _images_in(batch) -> int:
    """Images of all streams of a batch."""
    parts = batch.values() if isinstance(batch, dict) and 'inputs' not in batch else [batch]
    return sum(len(part['inputs']) for part in parts if isinstance(part, dict) and 'inputs' in part)


def _losses(hub) -> str:
    """The sums that the steps of the plan propagate, e.g. ``segmentor 1.234``; else all that is a loss."""
    names = [name for name in hub.log_scalars if name.startswith('train/') and 'loss' in name.rpartition('.')[2]]
    sums = [name for name in names if name.endswith('.loss') and name.count('.') == 1] or names
    texts = (
        f'{name.removeprefix("train/").removesuffix(".loss")} {hub.get_scalar(name).current():.4g}' for name in sums
    )
    return '  '.join(texts)


def _clock(seconds: float) -> str:
    minutes, second = divmod(round(seconds), 60)
    return f'{minutes // 60}:{minutes % 60:02}:{second:02} left'
