"""What a map is made of."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from mmuda.maps.polygons.options import PolygonOptions
from mmuda.utils.errors import UserError
from mmuda.utils.ranges import AMOUNT, COUNT, require

TURNS = dict(
    none=((0, False),),
    flips=((0, False), (0, True), (2, True), (2, False)),
    turns=tuple((turns, flipped) for flipped in (False, True) for turns in range(4)),
)
"""Views of a window whose logits are averaged: quarter turns, after mirroring left and right or not."""
MAP, CONFIDENCE, PROBABILITIES, POLYGONS = 'map', 'confidence', 'probabilities', 'polygons'
KINDS, FORMATS = (None, 'uint8', 'float32'), (None, 'gpkg', 'geojson', 'fgb')


@dataclass(frozen=True)
class MapOptions:
    """What a map is made of, besides the size of the windows.

    Attributes:
        overlap: Pixels that neighbouring windows share; None is a quarter of a window.
        views: ``'none'``, ``'flips'`` (four views of each window, whose logits are averaged) or ``'turns'`` (eight).
        confidence: Also write the probability of the chosen class, as ``'uint8'`` (percent) or ``'float32'``.
        probabilities: Also write the probability of each class, likewise.
        batch_size: Windows that are predicted at a time; None is 1 on a CPU, 16 on a GPU, or as many as fit.
        polygons: Also write the polygons of all classes but the background, as ``'gpkg'``, ``'geojson'`` or ``'fgb'``;
            the next three are as for :func:`mmuda.maps.polygonize.polygonize_map`.
        min_area: Smaller polygons are left out, in square metres.
        simplify: Tolerance of their outlines in metres.
        regularise: Make outlines rectangular.

    Raises:
        UserError: A value is unknown.
    """

    overlap: int | None = None
    views: str = 'none'
    confidence: str | None = None
    probabilities: str | None = None
    batch_size: int | None = None
    polygons: str | None = None
    min_area: float = 0.0
    simplify: float = 0.0
    regularise: bool = False

    def __post_init__(self) -> None:
        known = dict(views=tuple(TURNS), confidence=KINDS, probabilities=KINDS, polygons=FORMATS)
        for name, choices in known.items():
            if getattr(self, name) not in choices:
                raise UserError(
                    f'{name}={getattr(self, name)!r} is unknown; choose one of {", ".join(map(str, choices))}'
                )
        for name, rule in dict(batch_size=COUNT, overlap=AMOUNT).items():
            require(rule, name, getattr(self, name))
        _ = self.outlines  # refuses what cannot be

    @property
    def outlines(self) -> PolygonOptions:
        """What is done to the polygons."""
        return PolygonOptions(self.min_area, self.simplify, self.regularise)


def outputs_of(out_path: str | os.PathLike, options: MapOptions) -> dict[str, Path]:
    """The files that a prediction writes: the map, and beside it what else was asked for."""
    out = Path(out_path)
    more = [kind for kind in (CONFIDENCE, PROBABILITIES) if getattr(options, kind)]
    files = {MAP: out, **{kind: out.with_name(f'{out.stem}_{kind}{out.suffix}') for kind in more}}
    return files if options.polygons is None else {**files, POLYGONS: out.with_suffix(f'.{options.polygons}')}


def window_borders(tile: int, overlap: int | None, margin: int | None) -> tuple[int, int]:
    """Pixels that windows share, and those of a border that are not used, where not both are given.

    Args:
        tile: Side of a window.
        overlap: None is a quarter of the tile, or twice the margin if that is more.
        margin: None is an eighth of the overlap.

    Raises:
        UserError: They leave nothing of a window, or ground that no window shows.
    """
    if overlap is None:
        overlap = tile // 4 if margin is None else max(tile // 4, 2 * margin)
    margin = overlap // 8 if margin is None else margin
    if tile < 1 or margin < 0 or 2 * margin >= tile:
        raise UserError(f'tile={tile} and margin={margin} leave nothing of a window; give a margin below half the tile')
    if not 2 * margin <= overlap < tile:
        raise UserError(
            f'overlap={overlap} of windows with tile={tile} and margin={margin} is not between twice the margin and '
            'the tile; give another overlap'
        )
    return overlap, margin
