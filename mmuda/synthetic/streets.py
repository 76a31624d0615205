"""The street network of a scene: a rotated, gently bent grid of streets with blocks between them."""

import math
from dataclasses import dataclass

import numpy as np

from .styles import UrbanForm


@dataclass(frozen=True)
class Streets:
    """Parallel streets, seen across: their centre lines and widths, in metres of the grid's coordinate."""

    centres: np.ndarray
    widths: np.ndarray

    @classmethod
    def draw(cls, rng: np.random.Generator, reach: float, spacing, width) -> 'Streets':
        """Place streets at random distances within ``spacing`` until ``reach`` metres on both sides are filled."""
        first = -reach - rng.uniform(0, spacing[1])
        steps = rng.uniform(*spacing, size=int(2 * reach / spacing[0]) + 4)
        centres = first + np.cumsum(steps)
        centres = centres[centres < reach + spacing[1]]
        # Most streets are minor ones; about one in three is a main street with the full width.
        share = np.where(rng.random(len(centres)) < 0.35, rng.uniform(0.7, 1, len(centres)), 0)
        return cls(centres, width[0] + share * (width[1] - width[0]))

    def nearest(self, coordinate: np.ndarray, resolution: float = 0.05) -> tuple[np.ndarray, np.ndarray]:
        """Find the nearest street of each position.

        Args:
            coordinate: Positions across the streets in metres, any shape.
            resolution: Step of the lookup table in metres.

        Returns:
            Signed distance to the centre line (m) and index of the street, of the same shape.
        """
        low, high = float(coordinate.min()), float(coordinate.max())
        table = np.arange(low, high + 2 * resolution, resolution)
        index = np.abs(table[:, None] - self.centres[None]).argmin(1).astype(np.int16)
        index = index[((coordinate - low) / resolution).astype(np.int32)]
        return coordinate - self.centres.astype(np.float32)[index], index


@dataclass(frozen=True)
class Block:
    """The ground between four streets, inside the sidewalks, in grid coordinates (metres)."""

    along: tuple[float, float]
    across: tuple[float, float]

    @property
    def length(self) -> float:
        return self.along[1] - self.along[0]

    @property
    def depth(self) -> float:
        return self.across[1] - self.across[0]


class StreetGrid:
    """Maps between the ground (x right, y down, metres) and the grid (along and across the streets, metres).

    Args:
        rng: The generator that is drawn from.
        form: Building style and density.
        extent: Width and height of the ground that is covered in metres.
    """

    def __init__(self, rng: np.random.Generator, form: UrbanForm, extent: float) -> None:
        self.form = form
        self.centre = extent / 2
        self.angle = rng.uniform(0, np.pi)
        self.waves = [
            (rng.uniform(0.3, 1) * form.bend, rng.uniform(180, 320), rng.uniform(0, 2 * np.pi)) for _ in range(2)
        ]
        reach = extent * 0.75
        self.long_streets = Streets.draw(rng, reach, form.block_depth, form.street_width)
        self.cross_streets = Streets.draw(rng, reach, form.block_length, form.street_width)

    def _bend(self, coordinate, wave: int, sine=np.sin):
        """Sideways shift in metres at a place along a street; ``math.sin`` is the faster sine for single places."""
        amplitude, length, phase = self.waves[wave]
        return amplitude * sine(2 * math.pi / length * coordinate + phase)

    def to_grid(self, x, y):
        """Ground to grid: returns (along, across)."""
        x, y = x - self.centre, y - self.centre
        cosine, sine = np.float32(np.cos(self.angle)), np.float32(np.sin(self.angle))
        along, across = cosine * x + sine * y, cosine * y - sine * x
        return along + self._bend(across, 0), across + self._bend(along, 1)

    def to_ground(self, along: float, across: float) -> tuple[float, float]:
        """Grid to ground: returns (x, y), by fixed-point iteration (the bends are gentle, it contracts)."""
        x, y = along, across
        for _ in range(5):
            x, y = along - self._bend(y, 0, math.sin), across - self._bend(x, 1, math.sin)
        cosine, sine = math.cos(self.angle), math.sin(self.angle)
        return self.centre + cosine * x - sine * y, self.centre + sine * x + cosine * y

    def reaches(self, along: float, across: float, distance: float) -> bool:
        """Whether a place of the grid can lie within ``distance`` metres of the centre; cheaper than `to_ground`."""
        return math.hypot(along, across) < distance + 2 * self.form.bend

    def direction(self, along: float, across: float) -> float:
        """Angle of the street at a place of the grid, in radians from x towards y."""
        (x0, y0), (x1, y1) = self.to_ground(along - 1, across), self.to_ground(along + 1, across)
        return math.atan2(y1 - y0, x1 - x0)

    def blocks(self) -> list[Block]:
        """All blocks of the grid, row by row."""

        def gaps(streets: Streets) -> list[tuple[float, float]]:
            edge = streets.widths / 2 + self.form.sidewalk
            return list(zip((streets.centres + edge)[:-1], (streets.centres - edge)[1:], strict=True))

        return [Block(along, across) for across in gaps(self.long_streets) for along in gaps(self.cross_streets)]
