"""Stops a run whose checkpoint does not fit or is not finite."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from mmengine.hooks import Hook

from mmuda.checkpoints.mmseg0 import drop_config, refuse_config
from mmuda.checkpoints.reading import adapt_state_dict, state_dict_of
from mmuda.engine.card_origin import LAST_METRICS
from mmuda.engine.model_card import put_card
from mmuda.engine.model_wrapper import unwrapped
from mmuda.engine.resume_report import put_record, report_resume
from mmuda.engine.trained_classes import check_start
from mmuda.registry import HOOKS
from mmuda.utils.errors import NonFiniteError


@HOOKS.register_module()
class CheckpointGuardHook(Hook):
    """Fits the names of a checkpoint to the model before it is loaded, and refuses what does not fit.

    When names differ, mmengine only warns and continues with fresh weights. Parameters that are not finite are not
    saved: a gradient may overflow although the loss was finite, and the file would replace a good one. A checkpoint
    carries the run's settings; a resume reports where its config differs and which side counts. It also carries a model
    card (:mod:`mmuda.checkpoints.card`), from which a prediction builds the segmentor without the config.

    Args:
        load_skip: Parts of the segmentor that keep their initial weights when a run starts from another
            checkpoint (``load_from``), e.g. ``['decode_head.conv_seg']``.
    """

    priority = 'VERY_HIGH'

    def __init__(self, load_skip: Sequence[str] = ()) -> None:
        self.load_skip = tuple(load_skip)

    def after_load_checkpoint(self, runner, checkpoint: dict) -> None:
        path = runner._load_from or 'that was given'
        if runner._resume:
            refuse_config(checkpoint, path)
        else:
            drop_config(checkpoint, path)
        model = unwrapped(runner.model)
        model = getattr(model, 'module', model)  # a test-time augmentation model wraps the trained one
        checkpoint['state_dict'] = adapt_state_dict(
            state_dict_of(checkpoint), model.state_dict(), resume=runner._resume, skip=self.load_skip
        )
        check_start(runner, checkpoint, skips_head=any('head' in part for part in self.load_skip))
        if runner._resume:
            report_resume(runner, checkpoint)

    def before_train(self, runner) -> None:
        """A run that starts from another's weights has a teacher that starts from the segmentor."""
        model = unwrapped(runner.model)
        if runner._load_from and not runner._resume and getattr(model, 'teacher', None) is not None:
            model.teacher.start(model.segmentor)

    def after_val_epoch(self, runner, metrics: dict[str, float] | None = None) -> None:
        """Keep the metrics, which the model card names, where a resume finds them."""
        numbers = {key: float(v) for key, v in (metrics or {}).items() if isinstance(v, int | float | np.number)}
        finite = {key: value for key, value in numbers.items() if np.isfinite(value)}
        if finite:
            runner.message_hub.update_info(LAST_METRICS, dict(finite, iteration=runner.iter))

    def before_save_checkpoint(self, runner, checkpoint: dict) -> None:
        refuse_non_finite(runner)
        put_record(runner, checkpoint)
        put_card(runner, checkpoint)
        # A best score is a NumPy number, which a safely readable checkpoint may not contain.
        kept = checkpoint['message_hub']['runtime_info']
        kept.update({key: value.item() for key, value in kept.items() if isinstance(value, np.generic)})


def refuse_non_finite(runner) -> None:
    """Stop a run whose parameters are not finite before anything is written."""
    bad = [name for name, parameter in runner.model.named_parameters() if not parameter.isfinite().all()]
    if bad:
        raise NonFiniteError(
            f'Iteration {runner.iter + 1}: {len(bad)} parameters are not finite, for example {bad[:3]}; no checkpoint '
            'is written over good ones. Lower the learning rate, or clip gradients (clip_grad).'
        )
