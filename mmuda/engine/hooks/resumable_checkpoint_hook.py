"""Checkpoints from which a run resumes exactly, at any iteration."""

from __future__ import annotations

import logging

from mmengine.hooks import CheckpointHook
from mmengine.logging import print_log
from mmengine.optim import OptimWrapperDict

from mmuda.registry import HOOKS

from .checkpoint_guard_hook import refuse_non_finite


@HOOKS.register_module()
class ResumableCheckpointHook(CheckpointHook):
    """mmengine's CheckpointHook, but with the pending gradients of all ranks, and each file whole or not at all.

    Only rank 0 writes, but every rank has gradients that wait for their update (``accumulative_counts``), so they are
    gathered first. Takes mmengine's arguments; ``backend_args`` defaults to the atomic backend, and at least two
    checkpoints are kept, since mmengine deletes an old one before it writes the new one.
    """

    def __init__(self, *args, max_keep_ckpts: int = -1, backend_args: dict | None = None, **kwargs) -> None:
        if max_keep_ckpts == 1:
            message = 'max_keep_ckpts=1 could leave none if the run is killed while saving; two are kept'
            print_log(message, logger='current', level=logging.WARNING)
            max_keep_ckpts = 2
        if kwargs.get('file_client_args') is None:
            backend_args = backend_args or dict(backend='atomic')
        super().__init__(*args, max_keep_ckpts=max_keep_ckpts, backend_args=backend_args, **kwargs)

    def _save_checkpoint_with_step(self, runner, step: int, meta: dict) -> None:
        refuse_non_finite(runner)  # on every rank, and before an older file is deleted
        wrapper = runner.optim_wrapper
        wrappers = wrapper.optim_wrappers.values() if isinstance(wrapper, OptimWrapperDict) else [wrapper]
        accumulating = [wrapper for wrapper in wrappers if hasattr(wrapper, 'gather_gradients')]
        for wrapper in accumulating:
            wrapper.gather_gradients()
        super()._save_checkpoint_with_step(runner, step, meta)
        for wrapper in accumulating:
            wrapper.forget_gathered()
