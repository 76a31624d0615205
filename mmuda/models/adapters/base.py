"""Adapters read one kind of segmentor: a single forward gives the supervised losses and the taps together."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager

from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from torch import Tensor, nn

from mmuda.registry import ADAPTERS
from mmuda.structures import DomainOutputs
from mmuda.utils.errors import UserError

from .weighting import refuse_unweighted

# Taps that every adapter can give without running the segmentor.
BATCH_TAPS = ('image', 'label')
MODULE_PREFIX = 'module.'
PARAMETERS_PREFIX = 'parameters.'


class SegmentorAdapter(ABC):
    """Reads a segmentor through taps; holds no weights of its own.

    A subclass states which segmentors it handles and which taps they offer. The pseudo tap ``supervised`` stands for
    whatever the segmentor's own loss needs.

    Attributes:
        honours_weights: Whether :meth:`supervised_losses` honours weights of pixels, see :func:`head_losses`.
        perturbs_features: Whether :meth:`forward` calls :func:`mmuda.structures.perturbed` on the features, for views
            that change them. A segmentor without it is refused on such a view.
    """

    honours_weights = False
    perturbs_features = False

    @classmethod
    @abstractmethod
    def handles(cls, segmentor: nn.Module) -> bool:
        """Whether this adapter can read the segmentor."""

    @abstractmethod
    def forward(self, segmentor: nn.Module, view: str, batch: dict, taps: set[str]) -> DomainOutputs:
        """Forward a batch and return the requested taps.

        Args:
            segmentor: The segmentor (student or teacher).
            view: Name of the stream or view.
            batch: ``inputs`` (N, C, H, W), ``data_samples``, and extras.
            taps: Names of the requested taps; nothing else is computed.
        """

    @abstractmethod
    def supervised_losses(self, segmentor: nn.Module, outputs: DomainOutputs) -> dict[str, Tensor]:
        """The segmentor's own losses on the labels of ``outputs.samples``; keys as mmseg's ``loss`` gives them."""

    @abstractmethod
    def offered(self, segmentor: nn.Module) -> list[str]:
        """Regular expressions of the taps that the segmentor offers."""

    def check(self, segmentor: nn.Module, address: str, batch_extras: set[str] | None = None) -> None:
        """Refuse a tap that the segmentor does not offer.

        Args:
            segmentor: The segmentor.
            address: ``'view:tap'``.
            batch_extras: Keys of the batch beyond inputs and samples, where they are known already.

        Raises:
            UserError: Naming the tap, what is offered, and the remedy.
        """
        name = address.partition(':')[2]
        if name.startswith((MODULE_PREFIX, PARAMETERS_PREFIX)):
            path = name.partition('.')[2]
            try:
                segmentor.get_submodule(path)
            except AttributeError as error:
                raise UserError(
                    f"Tap '{address}': {type(segmentor).__name__} has no submodule '{path}'; "
                    'name one that `segmentor.named_modules()` lists.'
                ) from error
            return
        patterns = {*BATCH_TAPS, 'supervised', *self.offered(segmentor), *(batch_extras or ())}
        if not any(re.fullmatch(pattern, name) for pattern in patterns):
            names = (pattern.replace(r'-?\d+', '<i>').replace('\\', '') for pattern in sorted(patterns))
            readable = ', '.join(name for name in names if name != 'supervised')
            raise UserError(
                f"Tap '{address}' is not offered by {type(segmentor).__name__}; it offers {readable} and "
                f'{MODULE_PREFIX}<path of a submodule>. Name one of these, or use a segmentor that offers it.'
            )

    def check_weights(self, segmentor: nn.Module, view: str) -> None:
        """Refuse a segmentor whose losses ignore the weights of pixels that the labels of a view carry.

        Args:
            segmentor: The segmentor.
            view: The view, for the error.

        Raises:
            UserError: Naming the loss, or this adapter.
        """
        if not self.honours_weights:
            raise UserError(
                f"The labels of the view '{view}' carry weights of pixels, which {type(self).__name__} ignores; let it "
                'use mmuda.models.adapters.head_losses and set honours_weights, or use a view without weights.'
            )
        for head in segmentor.modules():
            if isinstance(head, BaseDecodeHead):
                refuse_unweighted(head)

    @staticmethod
    @contextmanager
    def recorded(segmentor: nn.Module, taps: set[str]) -> Iterator[dict[str, Tensor]]:
        """Collect the outputs of the submodules named by ``module.<path>`` taps during one forward."""
        found: dict[str, Tensor] = {}
        handles = []
        for name in sorted(tap for tap in taps if tap.startswith(MODULE_PREFIX)):

            def keep(_module: nn.Module, _inputs: tuple, output: Tensor, name: str = name) -> None:
                if not isinstance(output, Tensor):
                    raise UserError(
                        f"Tap '{name}': this submodule gives a {type(output).__name__}, not a tensor; name one inside "
                        'it, or a declared tap such as features.0.'
                    )
                found[name] = output

            handles.append(segmentor.get_submodule(name[len(MODULE_PREFIX) :]).register_forward_hook(keep))
        try:
            yield found
        finally:
            for handle in handles:
                handle.remove()

    @staticmethod
    def batch_extras(batch: dict) -> dict[str, Tensor]:
        """Tensors of a batch beyond its inputs, by key."""
        return {k: v for k, v in batch.items() if k != 'inputs' and isinstance(v, Tensor)}


def build_adapter(segmentor: nn.Module, cfg: dict | None = None) -> SegmentorAdapter:
    """The adapter that reads ``segmentor``: the named one, or the last registered one that handles it.

    Raises:
        UserError: If no registered adapter handles the segmentor.
    """
    if cfg is not None:
        return ADAPTERS.build(cfg)
    for adapter in reversed(list(ADAPTERS.module_dict.values())):
        if adapter.handles(segmentor):
            return adapter()
    raise UserError(
        f'No registered adapter reads the segmentor {type(segmentor).__name__}; '
        f'register one in ADAPTERS (known: {", ".join(ADAPTERS.module_dict)}) or use an mmseg EncoderDecoder.'
    )
