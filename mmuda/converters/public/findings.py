"""What is wrong with a download, collected and told in one sentence."""

from __future__ import annotations

from collections.abc import Iterable

from mmuda.converters.public.download import Download

SHOWN = 3
"""Number of names that a message lists of each kind."""


class Findings:
    """Everything that is wrong with a download.

    Args:
        download: The benchmark.
    """

    def __init__(self, download: Download) -> None:
        self.download = download
        self.lines: list[str] = []

    def add(self, what: str, names: Iterable[str] = ()) -> None:
        """Note what is wrong, with the names of the files that it is about.

        Args:
            what: The statement, e.g. ``'train: 2 of 180 images are missing'``.
            names: Names of files; the first are shown.
        """
        names = list(names)
        shown = ', '.join(names[:SHOWN])
        more = f' and {len(names) - SHOWN} more' if len(names) > SHOWN else ''
        self.lines.append(f'{what}: {shown}{more}' if names else what)

    def __bool__(self) -> bool:
        return bool(self.lines)

    def message(self, root: object) -> str:
        """The error for all of them."""
        return (
            f'{root} is not {self.download.title} as it is published: {"; ".join(self.lines)}. Get these files again '
            f'from {self.download.address}'
        )


def count_of(number: int, what: str) -> str:
    """A number of things: ``'1 image'``, ``'2 images'``."""
    return f'{number:,} {what}{"" if number == 1 else "s"}'
