"""A checkpoint fits, or the run stops."""

from __future__ import annotations

from collections.abc import Sequence

from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper

from mmuda.registry import HOOKS
from mmuda.utils.checkpoint import adapt_state_dict, refuse_config, state_dict_of


@HOOKS.register_module()
class CheckpointGuardHook(Hook):
    """Fits the names of a checkpoint to the model before it is loaded, and refuses what does not fit.

    mmengine only warns when names differ and goes on from fresh weights.

    Args:
        load_skip: Parts of the segmentor that keep their initial weights when a run starts from another
            checkpoint (``load_from``), e.g. ``['decode_head.conv_seg']``.
    """

    priority = 'VERY_HIGH'

    def __init__(self, load_skip: Sequence[str] = ()) -> None:
        self.load_skip = tuple(load_skip)

    def after_load_checkpoint(self, runner, checkpoint: dict) -> None:
        refuse_config(checkpoint)
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        model = getattr(model, 'module', model)  # a test-time augmentation model holds the trained one
        checkpoint['state_dict'] = adapt_state_dict(
            state_dict_of(checkpoint), model.state_dict(), resume=runner._resume, skip=self.load_skip
        )
