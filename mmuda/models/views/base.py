"""A view: an additional batch, built from others, that the segmentor or its teacher forwards."""

from __future__ import annotations


class View:
    """Base of views (mixed, masked, re-rendered, super-resolved batches); registered in VIEWS.

    Attributes:
        network: The network that forwards the batch, ``'student'`` or ``'teacher'``.
    """

    network = 'student'

    def reads(self) -> set[str]:
        """Addresses ``'view:tap'`` that :meth:`build` reads."""
        raise NotImplementedError

    def build(self, context) -> dict:
        """The batch: ``inputs`` (N, C, H, W), ``data_samples`` (N of them), and extras.

        Args:
            context (ForwardContext): Gives taps by address and batches by stream (``context.batch(name)``).
        """
        raise NotImplementedError
