"""The teacher: the moving average of the segmentor."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch
from mmengine.model import ExponentialMovingAverage
from torch import nn
from torch.optim.swa_utils import get_ema_multi_avg_fn

from mmuda.utils.errors import UserError

from .batch_norm import kept_statistics, tracking_layers

BUFFERS = ('copy', 'average', 'own')
BATCH_NORM = ('batch', 'running')


class Teacher(ExponentialMovingAverage):
    """The exponential moving average of a segmentor: teacher = (1 - m) teacher + m student.

    It starts as a copy of the student. If only some stages of a run read it, it is a copy in the others, and averaging
    begins with the first stage that does. With the warm-up of DACS, m is at least 1 / (t + 1) after the t-th update, so
    that the teacher is the mean of all students so far until that weighs less than ``momentum``. Without it the
    teacher carries its start, whose head is random, into the labels of the first 1 / momentum iterations and more.

    Args:
        model: The student.
        momentum: Share m of the student in each update (mmengine's convention; alpha = 1 - m in the papers).
        warm_up: Whether m is at least 1 / (t + 1).
        buffers: How buffers, such as the running statistics of batch norm, follow the student: ``'copy'`` takes its
            own (mmengine's default), ``'average'`` averages them as the parameters, ``'own'`` leaves them alone, so
            that the statistics are those of the teacher's own forwards (DACS and its successors).
        batch_norm: What batch norm normalises by while labels are predicted in training: ``'batch'``, the batch's
            statistics (DACS and its successors), or ``'running'``, the running ones.
        interval: Iterations from one update to the next.

    Raises:
        UserError: If a choice is not known, or the running statistics would stay those of the start.
    """

    def __init__(
        self,
        model: nn.Module,
        momentum: float = 0.001,
        warm_up: bool = True,
        buffers: str = 'copy',
        batch_norm: str = 'batch',
        interval: int = 1,
    ) -> None:
        for name, value, known in (('buffers', buffers, BUFFERS), ('batch_norm', batch_norm, BATCH_NORM)):
            if value not in known:
                raise UserError(f'ema: {name}={value!r} is not known; give one of {", ".join(map(repr, known))}.')
        if buffers == 'own' and batch_norm == 'running' and tracking_layers(model):
            raise UserError(
                "ema: with buffers='own' and batch_norm='running' the teacher would predict with the running "
                "statistics of the start, since nothing updates them; give buffers='copy' or 'average', or "
                "batch_norm='batch'."
            )
        super().__init__(model, momentum=momentum, interval=interval, update_buffers=buffers == 'average')
        self.warm_up = warm_up
        self.buffers_follow = buffers
        self.batch_norm = batch_norm
        self._updates: int | None = None

    @torch.no_grad()
    def start(self, model: nn.Module) -> None:
        """Become a copy of the student that has had no update."""
        for own, given in zip(self.module.state_dict().values(), model.state_dict().values(), strict=True):
            own.copy_(given)
        self.steps.zero_()
        self._updates = 0

    @torch.no_grad()
    def update_parameters(self, model: nn.Module) -> None:
        """One update, after the student's."""
        if self._updates is None:  # counted here too, since reading the buffer of a device means waiting for it
            self._updates = int(self.steps)
        self.steps += 1
        self._updates = step = self._updates + 1
        if step % self.interval == 0:
            share = max(self.momentum, 1 / (step // self.interval + 1)) if self.warm_up else self.momentum
            averaged, current = list(self.module.parameters()), list(model.parameters())
            if self.update_buffers:
                averaged += [buffer for buffer in self.module.buffers() if buffer.is_floating_point()]
                current += [buffer for buffer in model.buffers() if buffer.is_floating_point()]
            get_ema_multi_avg_fn(1 - share)([one.data for one in averaged], [one.data for one in current], step)
        for own, buffer in zip(self.module.buffers(), model.buffers(), strict=True):
            if self.buffers_follow == 'copy' or (self.update_buffers and not buffer.is_floating_point()):
                own.copy_(buffer)

    def _load_from_state_dict(self, *args, **kwargs) -> None:
        super()._load_from_state_dict(*args, **kwargs)
        self._updates = None

    def train(self, mode: bool = True) -> Teacher:
        """As usual, but without dropout, and with batch norm as ``batch_norm`` says."""
        super().train(mode and self.batch_norm == 'batch')
        for module in self.modules():
            if 'Drop' in type(module).__name__:
                module.eval()
        return self

    def check_statistics(self, is_forwarded: bool, stage: str) -> None:
        """Refuse to predict with running statistics that nothing updates.

        Args:
            is_forwarded: Whether a term or view of the stage reads the teacher.
            stage: Name of the stage.

        Raises:
            UserError: If so.
        """
        if self.buffers_follow == 'own' and not is_forwarded and tracking_layers(self.module):
            raise UserError(
                f"Stage '{stage}': ema has evaluate=True and buffers='own', but nothing forwards the teacher, so it "
                "would predict with the running statistics of its start; give buffers='copy' or 'average'."
            )

    def keeping_statistics(self) -> AbstractContextManager[None]:
        """While the teacher is forwarded: its running statistics follow only if they are its own."""
        return nullcontext() if self.buffers_follow == 'own' else kept_statistics(self.module)
