"""mmengine's storage, but files are written whole or not at all."""

import os

from mmengine.fileio import LocalBackend, register_backend

from mmuda.utils.fileio import write_whole


class AtomicLocalBackend(LocalBackend):
    """mmengine's local storage, but files are written whole or not at all.

    mmengine opens a checkpoint under its final name, so a kill during a save leaves a truncated file. Registered as
    ``atomic``::

        default_hooks = dict(checkpoint=dict(type='CheckpointHook', backend_args=dict(backend='atomic')))
    """

    def put(self, obj: bytes, filepath: str | os.PathLike) -> None:
        # A run may overwrite the checkpoint it started from; refusing that after hours of training would help nobody.
        write_whole(obj, filepath)

    def put_text(self, obj: str, filepath: str | os.PathLike, encoding: str = 'utf-8') -> None:
        self.put(obj.encode(encoding), filepath)


register_backend('atomic', AtomicLocalBackend)
