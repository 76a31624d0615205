"""A term turns taps into losses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mmengine.model import BaseModule
from torch import Tensor

from mmuda.models.views import View
from mmuda.structures import split_tap


class Term(BaseModule):
    """Base of every supervised term and alignment.

    A term computes its losses by *phase*: ``segmentor`` losses train the segmentor, ``discriminator`` losses the
    term's own discriminator; a term may define others and a plan may order them freely. The wrapper calls
    :meth:`reads` once per phase to know which taps to compute, then :meth:`losses` each time a step of the plan
    names the phase. State (memories, statistics) lives in buffers, equal on all ranks.

    Attributes:
        phases: The phases this term offers.
    """

    phases: tuple[str, ...] = ('segmentor',)

    @classmethod
    def channels_from(cls, cfg: Mapping) -> dict[str, str | Sequence[str] | int]:
        """Arguments that are numbers of channels, and where the number comes from; who leaves them out gets them.

        Args:
            cfg: The term's config.

        Returns:
            By dotted key of the config: the address ``'view:tap'`` of a tap with so many channels, several that must
            have equally many, or the number: ``{'discriminator.in_channels': 'source:prob'}``. Default: none.
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
            Scalars by name. Those whose name holds ``loss`` are added up and propagated; the others are logged.
        """
        raise NotImplementedError

    def views(self) -> dict[str, View]:
        """Further views this term asks for, by name; the wrapper builds and forwards them. Default: none."""
        return {}


def validity_of(context, address: str, like: Tensor) -> Tensor | None:
    """Where the view of a tap holds data, for losses that act pixel by pixel.

    Args:
        context (ForwardContext): One that hands out taps alone knows of no pixels without data.
        address: ``'view:tap'``.
        like: (..., h, w), the grid that is asked for.

    Returns:
        Weights (N, 1, h, w), 1 or 0; None where every pixel holds data.
    """
    find = getattr(context, 'validity', None)
    return None if find is None else find(split_tap(address)[0], like)
