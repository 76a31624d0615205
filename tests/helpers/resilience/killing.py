"""A hook that kills its own process with SIGKILL, at a moment that the environment gives.

``KILL=time:1.7`` kills 1.7 s after training has begun, ``KILL=write:2`` in the middle of the second checkpoint,
``KILL=validation:1`` after the first batch of a validation, ``KILL=iteration:8`` before the ninth iteration. With
``KILL_RANK`` only that rank is killed, and only by the first start of a job that torchrun starts anew.
"""

import os
import signal
import threading

from mmengine.dist import get_rank
from mmengine.hooks import Hook

from mmuda.registry import HOOKS
from mmuda.utils import atomic_backend, fileio


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@HOOKS.register_module(force=True)
class SelfKillHook(Hook):
    """Kills this process as ``KILL`` says; without it, does nothing."""

    def __init__(self) -> None:
        kind, _, value = os.environ.get('KILL', '').partition(':')
        wanted = os.environ.get('KILL_RANK')
        spared = wanted is not None and (
            int(wanted) != get_rank() or os.environ.get('TORCHELASTIC_RESTART_COUNT') != '0'
        )
        self.kind, self.value = (None, 0.0) if spared else (kind, float(value or 0))
        self.validated = 0

    def before_train(self, runner) -> None:
        if self.kind == 'time':
            threading.Timer(self.value, die).start()
        if self.kind == 'write':
            self._die_in_the_middle_of_a_write(int(self.value))

    @staticmethod
    def _die_in_the_middle_of_a_write(number: int) -> None:
        writes = 0

        def put(self, obj: bytes, filepath) -> None:
            nonlocal writes
            writes += str(filepath).endswith('.pth')
            if writes == number:
                path = fileio.Path(filepath)
                # As far as the temporary file gets before the kill.
                path.with_name(f'.{path.name}.tmp').write_bytes(obj[: len(obj) // 2])
                die()
            fileio.write_atomically(obj, filepath)

        atomic_backend.AtomicLocalBackend.put = put

    def before_train_iter(self, runner, batch_idx, data_batch=None) -> None:
        if self.kind == 'iteration' and runner.iter == int(self.value):
            die()

    def after_val_iter(self, runner, batch_idx, data_batch=None, outputs=None) -> None:
        self.validated += 1
        if self.kind == 'validation' and self.validated == int(self.value):
            die()
