"""The base of views that are built on other streams or views."""

from __future__ import annotations

from collections.abc import Mapping

from .base import View


class BuiltOn(View):
    """Base of views that change the batches of others.

    Such a view has labels, weights and pixels without data where what it is built on has them.

    Attributes:
        parents: Names of the streams or views.
    """

    parents: tuple[str, ...] = ()

    def reads(self) -> set[str]:
        return {f'{parent}:image' for parent in self.parents}

    def is_weighted(self, views: Mapping[str, View]) -> bool:
        return any(views[parent].is_weighted(views) for parent in self.parents if parent in views)
