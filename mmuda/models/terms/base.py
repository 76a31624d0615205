"""A term turns taps into losses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mmengine.model import BaseModule
from torch import Tensor

from mmuda.models.views import View
from mmuda.structures import pixel_weights, split_tap


class Term(BaseModule):
    """Base of every supervised term and alignment.

    A term computes its losses by *phase*: ``segmentor`` losses train the segmentor, ``discriminator`` losses the
    term's own discriminator; a term may define others and a plan may order them freely. The wrapper calls
    :meth:`reads` once per phase to know which taps to compute, then :meth:`losses` each time a step of the plan
    names the phase. State (memories, statistics) lives in buffers, equal on all ranks.

    Attributes:
        phases: The phases this term offers.
        honours_weights: Whether its losses on labels honour the weights of pixels that a view may carry. A term that
            does not is refused on such a view.
    """

    phases: tuple[str, ...] = ('segmentor',)
    honours_weights = False

    @classmethod
    def channels_from(cls, cfg: Mapping) -> dict[str, str | Sequence[str] | int]:
        """Where arguments that are numbers of channels get their values if the config leaves them out.

        Args:
            cfg: The term's config.

        Returns:
            By dotted key of the config: the address ``'view:tap'`` of the tap whose channel count is used, several
            addresses that must agree, or the number itself: ``{'discriminator.in_channels': 'source:prob'}``. Default:
            none.
        """
        return {}

    def reads(self, phase: str) -> set[str]:
        """Addresses ``'view:tap'`` that :meth:`losses` reads in this phase."""
        raise NotImplementedError

    def losses(self, phase: str, context) -> dict[str, Tensor]:
        """Losses of a phase.

        Args:
            phase: One of :attr:`phases`.
            context (ForwardContext): ``context.tap('view:tap')`` gives a tap (float32 at least); under a detached
                step the taps carry no graph.

        Returns:
            Scalars by name. Those whose name contains ``loss`` are summed and backpropagated; the others are only
            logged.
        """
        raise NotImplementedError

    def views(self) -> dict[str, View]:
        """Additional views this term needs, by name; the wrapper builds and forwards them. Default: none."""
        return {}


def weights_of(context, view: str) -> Tensor | None:
    """Weights of the pixels of a view in losses on its labels.

    Args:
        context (ForwardContext): If it provides only taps, every pixel has the weight 1.
        view: Name of the view.

    Returns:
        (N, h, w) on the grid of the labels; None where all are 1.
    """
    find = getattr(context, 'batch', None)
    return None if find is None else pixel_weights(find(view)['data_samples'])


def validity_of(context, address: str, like: Tensor) -> Tensor | None:
    """Where the view of a tap holds data, for losses that act per pixel.

    Args:
        context (ForwardContext): If it provides only taps, every pixel counts as data.
        address: ``'view:tap'``.
        like: (..., h, w), the requested grid.

    Returns:
        Weights (N, 1, h, w), 1 or 0; None where every pixel holds data.
    """
    find = getattr(context, 'validity', None)
    return None if find is None else find(split_tap(address)[0], like)
