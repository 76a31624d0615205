"""The scalars and panels of a run as event files of TensorBoard, one curve a scalar however often it was resumed."""

from __future__ import annotations

import os
from importlib import import_module

import numpy as np
from mmengine.config import Config
from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.visualization import BaseVisBackend

from mmuda.registry import HOOKS, VISBACKENDS
from mmuda.utils.errors import UserError

INSTALL = "python -m pip install '.[tensorboard]'"


def require_tensorboard(why: str) -> None:
    """Refuse to go on without the package.

    Args:
        why: What asks for it.

    Raises:
        UserError: If it is not installed.
    """
    try:
        import_module('tensorboard')
        import_module('torch.utils.tensorboard')
    except ImportError as error:
        raise UserError(f'{why} needs the package tensorboard ({error}): {INSTALL}') from error


@VISBACKENDS.register_module()
class TensorBoardBackend(BaseVisBackend):
    """Writes what the visualiser is given into one folder, also after a resume.

    mmengine's ``TensorboardVisBackend`` has a folder for each process, so a resumed run becomes two runs, whose curves
    overlap where the first went on after its last checkpoint. Here the later process hides those points
    (``purge_step``). Nothing is written outside a training.

    Args:
        save_dir: Folder of the event files.
    """

    def __init__(self, save_dir: str) -> None:
        super().__init__(save_dir)
        self._writer, self._start, self._config = None, None, None
        self._kept: set[str] | None = None

    @property
    def experiment(self):
        """torch's ``SummaryWriter``; None outside a training."""
        if self._writer is None and self._start is not None:
            self._init_env()
        return self._writer

    def _init_env(self) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self._writer = SummaryWriter(self._save_dir, purge_step=self._start + 1 if self._start else 0)
        if self._config is not None and not self._start:
            self._writer.add_text('config', f'```\n{self._config}\n```')

    def begin(self, iteration: int) -> None:
        """Start to write.

        Args:
            iteration: Iterations that are done already; what an earlier process wrote of later ones is hidden.
        """
        self._start = iteration

    def add_config(self, config: Config, **_) -> None:
        self._config = config.pretty_text

    def add_image(self, name: str, image: np.ndarray, step: int = 0, **_) -> None:
        """Write an image, (H, W, 3) uint8, red first."""
        if self.experiment is not None:
            self.experiment.add_image(name, image, step, dataformats='HWC')

    def add_scalar(self, name: str, value, step: int = 0, **_) -> None:
        """Write a number; a resumed run does not repeat what it had written of the iteration that it resumes from."""
        if self._start is None or (self._start and step <= self._start and name in self._names_kept()):
            return
        self.experiment.add_scalar(name, value, step)

    def add_scalars(self, scalar_dict: dict, step: int = 0, file_path: str | None = None, **_) -> None:
        for name, value in scalar_dict.items():
            if name not in ('step', 'iter'):  # the abscissa itself
                self.add_scalar(name, value, step)

    def _names_kept(self) -> set[str]:
        """The scalars that an earlier process wrote of the iteration at which this one started."""
        if self._kept is None:
            from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

            events = EventAccumulator(os.fspath(self._save_dir), size_guidance=dict(scalars=0, images=1))
            events.Reload()
            names = events.Tags()['scalars']
            self._kept = {name for name in names if any(one.step == self._start for one in events.Scalars(name))}
        return self._kept

    def flush(self) -> None:
        """Write what is still held in memory."""
        if self._writer is not None:
            self._writer.flush()

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()


@HOOKS.register_module()
class TensorBoardHook(Hook):
    """Tells :class:`TensorBoardBackend` where a training starts, and when a checkpoint is about to be written.

    A run that is killed is resumed from there, so all earlier points must be in the file.
    """

    def before_train(self, runner) -> None:
        if is_main_process():
            _backend(runner).begin(runner.iter)

    def before_save_checkpoint(self, runner, checkpoint: dict) -> None:
        if is_main_process():
            _backend(runner).flush()


def _backend(runner) -> TensorBoardBackend:
    return runner.visualizer.get_backend(TensorBoardBackend.__name__)
