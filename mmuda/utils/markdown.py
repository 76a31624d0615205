"""Tables in Markdown."""

from collections.abc import Iterable, Sequence

from tabulate import tabulate


def markdown_table(header: Sequence[str], rows: Iterable[Sequence]) -> str:
    """A table with aligned columns: the first to the left, the others to the right.

    Args:
        header: Names of the columns.
        rows: Their cells, shown as they are.

    Returns:
        The lines of the table.
    """
    align = ('left', *['right'] * (len(header) - 1))
    return tabulate(list(rows), header, tablefmt='pipe', colalign=align, disable_numparse=True)
