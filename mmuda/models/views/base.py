"""A view: an additional batch, built from others, that the segmentor or its teacher forwards."""

from __future__ import annotations

from collections.abc import Mapping


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

    def views(self) -> dict[str, View]:
        """Further views that this one is built on, by name; the wrapper adds them. Default: none."""
        return {}

    def is_weighted(self, views: Mapping[str, View]) -> bool:
        """Whether the labels may carry weights of pixels (``pixel_weight`` of a sample).

        Args:
            views: All views by name; one that passes weights on asks the view that it is built on.
        """
        return False
