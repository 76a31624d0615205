"""A term turns taps into losses."""

from __future__ import annotations

from mmengine.model import BaseModule
from torch import Tensor

from mmuda.models.views import View


class Term(BaseModule):
    """Base of every supervised term and alignment.

    A term computes its losses by *phase*: ``generator`` losses train the segmentor, ``discriminator`` losses the
    term's own discriminator; a term may define others and a plan may order them freely. The wrapper calls
    :meth:`reads` once per phase to know which taps to compute, then :meth:`losses` each time a step of the plan
    names the phase. State (memories, statistics) lives in buffers, equal on all ranks.

    Attributes:
        phases: The phases this term offers.
    """

    phases: tuple[str, ...] = ('generator',)

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
