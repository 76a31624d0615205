"""Building outlines made rectangular: sides along one main direction and across it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from scipy.spatial import KDTree

MIN_IOU = 0.7
"""An outline that overlaps less than this with the traced one is refused."""

# Sides that turn further than this from the main directions stay oblique, if they are long enough.
_SNAP = np.pi / 8
# In pixels: how far a side may stray from a straight line, which is tried from fine to coarse; and how long a side must
# be at least, as a multiple of that, straight or oblique.
_STRAYS = (1.5, 2.5, 4.0)
_SHORT, _SHORT_OBLIQUE = 2.0, 5.0
# The coarser outline is taken if it has fewer corners and its intersection over union is at most this much lower.
_WORTH = 0.03
# Points of an outline that is no building any more; it stays as it is, since the time grows with the square.
_TOO_MANY = 20_000
# Points of a closed rectangle, and the intersection over union that ends the search when it is found.
_RECTANGLE, _GOOD = 5, 0.9
_ALONG, _ACROSS, _OBLIQUE = 0, 1, 2
# Sine of the angle between sides that have no clear corner.
_PARALLEL = 0.2


@dataclass(eq=False)
class _Side:
    """A straight side of an outline: the line ``normal . point = offset``.

    Attributes:
        kind: Along the main direction, across it, or oblique.
        normal: Unit vector, (2,).
        offset: In metres.
        way: From its begin to its end on the traced outline, (2,) in metres.
        start: Where it begins there, (2,).
        length: In metres; what it weighs when it is merged with another one.
    """

    kind: int
    normal: np.ndarray
    offset: float
    way: np.ndarray
    start: np.ndarray
    length: float


def regularised(shapes: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    """Make outlines rectangular, as those of buildings are.

    The main direction is that of the lines fitted to the sides, modulo a right angle; long ones count with the cube of
    their length. Sides within 22.5 degrees of it or its perpendicular are snapped to it, at their mean position; short
    sides and small holes are dropped. Where the result is no valid polygon, or its intersection over union with the
    traced one is below ``MIN_IOU``, the outline stays as it is.

    Args:
        shapes (np.ndarray): Polygons in metres, (n,), as traced: simplifying is part of this.
        pixels (np.ndarray): Side of a pixel in metres at each polygon, (n,).
    """
    found = shapes.copy()
    found[:] = [_regular(shape, float(pixel)) for shape, pixel in zip(shapes, pixels, strict=True)]
    return found


def _regular(shape: shapely.Polygon, pixel: float) -> shapely.Polygon:
    best, score, corners = shape, 0.0, np.inf
    if shapely.get_num_coordinates(shape) > _TOO_MANY:
        return shape
    for stray in _STRAYS:
        tried = _with_tolerance(shape, stray * pixel)
        if tried is None or (iou := _iou(tried, shape)) < MIN_IOU:
            continue
        number = len(tried.exterior.coords)
        if iou > score + _WORTH or (number < corners and iou > score - _WORTH):
            best, score, corners = tried, iou, number
        if corners == _RECTANGLE and score > _GOOD:
            break
    return best


def _with_tolerance(shape: shapely.Polygon, stray: float) -> shapely.Polygon | None:
    """The rectangular outline for one tolerance in metres; None if there is none."""
    corner = np.array(shape.exterior.coords[0])
    shell = shapely.get_coordinates(shape.exterior)[:-1] - corner
    main = _main_direction(_parts(shell, _corners(shell, stray)))
    outer = _rectangular(shell, main, stray)
    if outer is None:
        return None
    # Its corners cut the traced outline better than those of Douglas-Peucker, which noise moves.
    nearest = np.unique(KDTree(shell).query(outer)[1])
    if len(nearest) > 2:
        main = _main_direction(_parts(shell, nearest))
        outer = _rectangular(shell, main, stray)
        if outer is None:
            return None
    rings = [outer]
    for hole in shape.interiors:
        if shapely.area(shapely.polygons(hole)) < (_SHORT * stray) ** 2:
            continue
        points = shapely.get_coordinates(hole)[:-1] - corner
        regular = _rectangular(points, main, stray)
        rings.append(points if regular is None else regular)
    found = shapely.Polygon(rings[0] + corner, [ring + corner for ring in rings[1:]])
    return found if found.is_valid else None


def _iou(one: shapely.Polygon, other: shapely.Polygon) -> float:
    common = shapely.area(shapely.intersection(one, other))
    return common / (one.area + other.area - common)


def _main_direction(parts: list[np.ndarray]) -> float:
    """Direction of the sides in radians, modulo a right angle, from the traced outline between corners."""
    total = 0j
    for part in parts:
        places = part @ [1, 1j]
        steps, middles = places[1:] - places[:-1], (places[1:] + places[:-1]) / 2
        lengths = np.abs(steps)
        middles -= middles @ lengths / lengths.sum()
        # The axis of greatest spread has half the angle of this integral, whose size grows with the cube of the length.
        spread = (lengths * (middles**2 + steps**2 / 12)).sum()
        # Four times the angle is the same for all four directions of a rectangle.
        total += spread**2 / max(abs(spread), 1e-12)
    return float(np.angle(total) / 4)


def _parts(points: np.ndarray, corners: np.ndarray) -> list[np.ndarray]:
    """The traced outline between corners, given by their indices; each part has both of its ends."""
    ends = np.roll(corners, -1) + len(points) * (np.roll(corners, -1) <= corners)
    return [points[np.arange(begin, end + 1) % len(points)] for begin, end in zip(corners, ends, strict=True)]


def _corners(points: np.ndarray, tolerance: float) -> np.ndarray:
    """Indices of the corners that Douglas-Peucker leaves of a ring, starting at two points that are far apart."""
    far = np.argmax(np.hypot(*(points - points.mean(axis=0)).T))
    ring = np.roll(points, -far, axis=0)
    closed = np.concatenate([ring, ring[:1]])
    left = shapely.get_coordinates(shapely.simplify(shapely.linestrings(closed), tolerance, preserve_topology=False))
    index = {tuple(point): number for number, point in enumerate(ring.tolist())}
    found = [index[tuple(point)] for point in left[:-1].tolist()]
    return np.sort((np.array(found) + far) % len(points))


def _rectangular(points: np.ndarray, main: float, stray: float) -> np.ndarray | None:
    """Corners of the rectangular outline, (k, 2); None if there is none."""
    sides = _sides(points, main, stray)
    while True:
        sides = _without_parallels(_alternating(sides, stray))
        if len(sides) < 4:
            return None
        corners = _meetings(sides)
        # A side that runs backwards now is shorter than any other.
        steps = np.diff(corners, axis=0, append=corners[:1])
        lengths = [float(step @ side.way) / side.length for side, step in zip(sides, steps, strict=True)]
        shares = [length / _least(side, stray) for side, length in zip(sides, lengths, strict=True)]
        if min(shares) >= 1:
            return corners
        del sides[int(np.argmin(shares))]


def _least(side: _Side, stray: float) -> float:
    return stray * (_SHORT_OBLIQUE if side.kind == _OBLIQUE else _SHORT)


def _without_parallels(sides: list[_Side]) -> list[_Side]:
    """Drop the shorter of two sides that follow each other and are nearly parallel."""
    index = 0
    while len(sides) >= 4 and index < len(sides):
        last, side = sides[index - 1], sides[index]
        if abs(last.normal[0] * side.normal[1] - last.normal[1] * side.normal[0]) < _PARALLEL:
            sides.remove(last if last.length < side.length else side)
            index = 0
        else:
            index += 1
    return sides


def _sides(points: np.ndarray, main: float, stray: float) -> list[_Side]:
    """The sides between the corners, snapped to the main directions where they are near to them."""
    along = np.array([np.cos(main), np.sin(main)])
    normals = {_ALONG: np.array([-along[1], along[0]]), _ACROSS: along}
    found = []
    for part in _parts(points, _corners(points, stray)):
        step = part[-1] - part[0]
        length = float(np.hypot(*step))
        turn = np.arctan2(step[1], step[0]) - main
        quarters = np.round(turn / (np.pi / 2))
        near = abs(turn - quarters * np.pi / 2) <= _SNAP
        kind = (_ALONG, _ACROSS)[int(quarters) % 2] if near else _OBLIQUE
        normal = normals[kind] if near else np.array([-step[1], step[0]]) / max(length, 1e-12)
        found.append(_Side(kind, normal, _mean_offset(part, normal), step, part[0], length))
    return found


def _mean_offset(part: np.ndarray, normal: np.ndarray) -> float:
    """Mean position of a part of the traced outline, across a side."""
    across = part @ normal
    lengths = np.hypot(*(part[1:] - part[:-1]).T)
    return float((across[1:] + across[:-1]) @ lengths / (2 * lengths.sum()))


def _alternating(sides: list[_Side], stray: float) -> list[_Side]:
    """Merge sides of one direction that follow each other, or join them by one across where they lie apart."""
    found: list[_Side] = []
    for side in sides:
        _append(found, side, stray)
    # Beyond the last one comes the first.
    while len(found) > 1 and found[0].kind == found[-1].kind != _OBLIQUE:
        last = found.pop()
        first = found.pop(0)
        joined: list[_Side] = [last]
        _append(joined, first, stray)
        found = joined[-1:] + found + joined[:-1]
        if len(joined) > 1:
            break
    return found


def _append(found: list[_Side], side: _Side, stray: float) -> None:
    last = found[-1] if found else None
    if last is None or last.kind != side.kind or side.kind == _OBLIQUE:
        found.append(side)
        return
    apart = side.offset - last.offset
    if abs(apart) < _SHORT * stray:
        found[-1] = _merged(last, side)
        return
    x, y = side.normal
    kind, normal = (_ACROSS, np.array([y, -x])) if side.kind == _ALONG else (_ALONG, np.array([-y, x]))
    found += [_Side(kind, normal, float(normal @ side.start), apart * side.normal, side.start, abs(apart)), side]


def _merged(one: _Side, other: _Side) -> _Side:
    offset = (one.offset * one.length + other.offset * other.length) / (one.length + other.length)
    way = one.way + other.way
    return _Side(one.kind, one.normal, offset, way, one.start, max(float(np.hypot(*way)), 1e-9))


def _meetings(sides: list[_Side]) -> np.ndarray:
    """Corners at which each side begins, (n, 2)."""
    here = np.array([side.normal for side in sides])
    before = np.roll(here, 1, axis=0)
    offsets = np.array([side.offset for side in sides])
    both = np.stack([np.roll(offsets, 1), offsets], axis=1)
    return np.linalg.solve(np.stack([before, here], axis=1), both[..., None])[..., 0]
