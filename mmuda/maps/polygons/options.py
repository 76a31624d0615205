"""What is done to polygons between tracing and writing them."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

from mmuda.utils.errors import UserError


@dataclass(frozen=True)
class PolygonOptions:
    """Options of polygons.

    Attributes:
        min_area (float): Regions of less are left out, in square metres of ground; holes that are filled count.
        simplify (float): Tolerance of Douglas-Peucker in metres; 0 keeps every corner of the pixels.
        regularise (bool): Make outlines rectangular, as those of buildings are.
        min_hole (float): Holes of less are filled, in square metres of ground.
    """

    min_area: float = 0.0
    simplify: float = 0.0
    regularise: bool = False
    min_hole: float = 0.0

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if not (math.isfinite(value) and value >= 0):
                raise UserError(f'{name} is {value}; give 0, or a number above it')
