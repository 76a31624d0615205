"""Building outlines made rectangular: sides along one main direction and across it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely

MIN_IOU = 0.7
"""An outline that overlaps less than this with the traced one is refused."""

# Sides that turn further than this from the main directions stay oblique, if they are long enough.
_SNAP = np.pi / 8
# In pixels: how far a side may stray from a straight line; and how long a side must be at least, straight or oblique.
_STRAY = 1.5
_SHORT, _SHORT_OBLIQUE = 3.0, 8.0
_ALONG, _ACROSS, _OBLIQUE = 0, 1, 2
_PARALLEL = 0.05


@dataclass
class _Side:
    """A straight side of an outline: the line ``normal . point = offset``.

    Attributes:
        kind: Along the main direction, across it, or oblique.
        normal: Unit vector, (2,).
        offset: In metres.
        length: In metres; what the side weighs when it is merged with another one.
        start: Where it begins on the traced outline, (2,).
    """

    kind: int
    normal: np.ndarray
    offset: float
    length: float
    start: np.ndarray


def regularised(shapes: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    """Make outlines rectangular, as those of buildings are.

    The main direction is the mean of the directions of the sides, weighted by their lengths, modulo a right angle.
    Sides within 22.5 degrees of it or its perpendicular are snapped to it, at their mean position; short sides are
    dropped. Where the result is no valid polygon, or its intersection over union with the traced one is below
    ``MIN_IOU``, the outline stays as it is.

    Args:
        shapes (np.ndarray): Polygons in metres, (n,), as traced: simplifying is part of this.
        pixels (np.ndarray): Side of a pixel in metres at each polygon, (n,).
    """
    found = shapes.copy()
    found[:] = [_regular(shape, float(pixel)) for shape, pixel in zip(shapes, pixels, strict=True)]
    return found


def _regular(shape: shapely.Polygon, pixel: float) -> shapely.Polygon:
    corner = np.array(shape.exterior.coords[0])
    shell = shapely.get_coordinates(shape.exterior)[:-1] - corner
    main = _main_direction(shell, pixel)
    if main is None:
        return shape
    rings = [_rectangular(shell, main, pixel)]
    if rings[0] is None:
        return shape
    for hole in shape.interiors:
        points = shapely.get_coordinates(hole)[:-1] - corner
        regular = _rectangular(points, main, pixel)
        rings.append(points if regular is None else regular)
    found = shapely.Polygon(rings[0] + corner, [ring + corner for ring in rings[1:]])
    return found if found.is_valid and _iou(found, shape) >= MIN_IOU else shape


def _iou(one: shapely.Polygon, other: shapely.Polygon) -> float:
    common = shapely.area(shapely.intersection(one, other))
    return common / (one.area + other.area - common)


def _main_direction(points: np.ndarray, pixel: float) -> float | None:
    """Direction of the sides in radians, modulo a right angle; None if there is none."""
    corners = _corners(points, _STRAY * pixel)
    steps = np.diff(points[np.append(corners, corners[0])], axis=0)
    # Four times the angle is the same for all four directions of a rectangle. Long sides say more than short ones.
    total = (np.hypot(*steps.T) ** 2 * np.exp(4j * np.arctan2(steps[:, 1], steps[:, 0]))).sum()
    return float(np.angle(total) / 4) if abs(total) > 0 else None


def _corners(points: np.ndarray, tolerance: float) -> np.ndarray:
    """Indices of the corners that Douglas-Peucker leaves of a ring, starting at two points that are far apart."""
    far = np.argmax(np.hypot(*(points - points.mean(axis=0)).T))
    ring = np.roll(points, -far, axis=0)
    closed = np.concatenate([ring, ring[:1]])
    left = shapely.get_coordinates(shapely.simplify(shapely.linestrings(closed), tolerance, preserve_topology=False))
    index = {tuple(point): number for number, point in enumerate(ring.tolist())}
    found = [index[tuple(point)] for point in left[:-1].tolist()]
    return np.sort((np.array(found) + far) % len(points))


def _rectangular(points: np.ndarray, main: float, pixel: float) -> np.ndarray | None:
    """Corners of the rectangular outline, (k, 2); None if there is none."""
    sides = _sides(points, main, pixel)
    while True:
        sides = _alternating(sides, pixel)
        corners = _meetings(sides) if len(sides) >= 4 else None
        if corners is None:
            return None
        for side, step in zip(sides, np.diff(corners, axis=0, append=corners[:1]), strict=True):
            side.length = float(np.hypot(*step))
        short = [side.length / _least(side, pixel) for side in sides]
        if min(short) >= 1:
            return corners
        del sides[int(np.argmin(short))]


def _least(side: _Side, pixel: float) -> float:
    return pixel * (_SHORT_OBLIQUE if side.kind == _OBLIQUE else _SHORT)


def _sides(points: np.ndarray, main: float, pixel: float) -> list[_Side]:
    """The sides between the corners, snapped to the main directions where they are near to them."""
    along = np.array([np.cos(main), np.sin(main)])
    normals = {_ALONG: np.array([-along[1], along[0]]), _ACROSS: along}
    corners = _corners(points, _STRAY * pixel)
    found = []
    for begin, end in zip(corners, np.roll(corners, -1), strict=True):
        part = points[np.arange(begin, end + 1 + (len(points) if end <= begin else 0)) % len(points)]
        step = part[-1] - part[0]
        length = float(np.hypot(*step))
        turn = np.arctan2(step[1], step[0]) - main
        quarters = np.round(turn / (np.pi / 2))
        near = abs(turn - quarters * np.pi / 2) <= _SNAP
        kind = (_ALONG, _ACROSS)[int(quarters) % 2] if near else _OBLIQUE
        normal = normals[kind] if near else np.array([-step[1], step[0]]) / max(length, 1e-12)
        found.append(_Side(kind, normal, _mean_offset(part, normal), length, part[0]))
    return found


def _mean_offset(part: np.ndarray, normal: np.ndarray) -> float:
    """Mean position of a part of the traced outline, across a side."""
    lengths = np.hypot(*np.diff(part, axis=0).T)
    middles = (part[1:] + part[:-1]) / 2
    return float(np.average(middles @ normal, weights=lengths))


def _alternating(sides: list[_Side], pixel: float) -> list[_Side]:
    """Merge sides of one direction that follow each other, or join them by one across where they lie apart."""
    found: list[_Side] = []
    for side in sides:
        _append(found, side, pixel)
    # Beyond the last one comes the first.
    while len(found) > 1 and found[0].kind == found[-1].kind != _OBLIQUE:
        last = found.pop()
        first = found.pop(0)
        joined: list[_Side] = [last]
        _append(joined, first, pixel)
        found = joined[-1:] + found + joined[:-1]
        if len(joined) > 1:
            break
    return found


def _append(found: list[_Side], side: _Side, pixel: float) -> None:
    last = found[-1] if found else None
    if last is None or last.kind != side.kind or side.kind == _OBLIQUE:
        found.append(side)
        return
    apart = abs(last.offset - side.offset)
    if apart < _SHORT * pixel:
        weights = last.length, side.length
        found[-1] = _Side(
            side.kind, side.normal, float(np.average([last.offset, side.offset], weights=weights)), sum(weights),
            last.start,
        )  # fmt: skip
        return
    x, y = side.normal
    kind, normal = (_ACROSS, np.array([y, -x])) if side.kind == _ALONG else (_ALONG, np.array([-y, x]))
    found += [_Side(kind, normal, float(normal @ side.start), apart, side.start), side]


def _meetings(sides: list[_Side]) -> np.ndarray | None:
    """Corners at which each side begins, (n, 2); None if two that follow each other are parallel."""
    here = np.array([side.normal for side in sides])
    before = np.roll(here, 1, axis=0)
    offsets = np.array([side.offset for side in sides])
    cross = before[:, 0] * here[:, 1] - before[:, 1] * here[:, 0]
    if (np.abs(cross) < _PARALLEL).any():
        return None
    both = np.stack([np.roll(offsets, 1), offsets], axis=1)
    return np.linalg.solve(np.stack([before, here], axis=1), both[..., None])[..., 0]
