"""How the runs were made: facts, where their settings differ, and the resolved configs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mmuda.checkpoints.run_record import differences
from mmuda.reports.methods import Cell, Grid, Method
from mmuda.reports.run import Run

MOST = 60
"""Differences that are listed for a method."""


@dataclass(frozen=True)
class Settings:
    """Settings of all methods.

    Attributes:
        facts: A row a method.
        differing: A row a setting that differs from the first method's; None if there is one method.
        cut: Number of differences that are left out.
        versions: Packages with their versions, by method where they differ.
        configs: Text of the resolved config by method.
    """

    facts: Grid
    differing: Grid | None
    cut: int
    versions: list[str]
    configs: dict[str, str]


def settings_of(methods: Sequence[Method]) -> Settings:
    """Settings of the first run of each method; its other runs differ by their seed alone."""
    rows, cut = [], 0
    first = methods[0].first.record
    for method in methods[1:]:
        record = method.first.record
        if first is None or record is None:
            continue
        found = differences(first, record)
        cut += max(0, len(found) - MOST)
        rows += [[Cell(method.name), Cell(key), Cell(old), Cell(new)] for key, old, new in found[:MOST]]
    differing = Grid(['method', 'setting', methods[0].name, 'this method'], rows) if rows else None
    configs = {
        method.name: method.first.config_path.read_text(encoding='utf-8')
        for method in methods
        if method.first.cfg is not None
    }
    return Settings(Grid(_HEAD, [_facts(method) for method in methods]), differing, cut, _versions(methods), configs)


_HEAD = ['method', 'terms', 'views', 'stages', 'iterations', 'weights', 'seen at, m']


def _facts(method: Method) -> list[Cell]:
    run, card = method.first, method.first.card or {}
    what, given = card.get('method') or {}, card.get('input') or {}
    iterations = run.summary.get('iterations') or card.get('iteration')
    texts = [
        ', '.join(f'{name} ({kind})' for name, kind in (what.get('terms') or {}).items()) or '-',
        ', '.join(what.get('views') or ()) or '-',
        ', '.join(what.get('stages') or ()) or '-',
    ]
    return [
        Cell(method.name, method.name),
        *map(Cell, texts),
        Cell(str(iterations or '-'), iterations),
        Cell(_weights(run)),
        Cell('-' if given.get('gsd') is None else f'{given["gsd"]:g}', given.get('gsd')),
    ]


def _versions(methods: Sequence[Method]) -> list[str]:
    found: dict[str, list[str]] = {}
    for method in methods:
        named = ((method.first.card or {}).get('versions') or {}).items()
        found.setdefault(', '.join(f'{name} {number}' for name, number in named), []).append(method.name)
    found.pop('', None)
    return [text if len(found) == 1 else f'{", ".join(names)}: {text}' for text, names in found.items()]


def _weights(run: Run) -> str:
    selection = run.summary.get('selection') or (run.card or {}).get('selection') or 'unknown'
    return f'{run.checkpoint.name} ({selection})' if run.checkpoint else '-'
