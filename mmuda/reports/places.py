"""Draws where the images of each stream lie, and what their colours are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mmuda.reports.charts import INK, Picture, figure_of, picture_of
from mmuda.reports.data import Stream

COLOURS = {'source': '#1f77b4', 'target': '#d95f02', 'test': '#2a9d4e'}
OTHER = '#9467bd'
APART = 3.0
"""Outlines are drawn together if the whole is at most so many times as wide as the widest part."""
METRES = 111_320.0
"""A degree of latitude, roughly."""
BANDS = ('red', 'green', 'blue')


def colour_of(stream: str) -> str:
    return COLOURS.get(stream, OTHER)


def map_of(streams: Sequence[Stream]) -> list[Picture]:
    """Outlines of all rasters in longitude and latitude: all at once, and each part by itself if they lie far apart.

    Returns:
        Pictures; none if no raster has a georeference.
    """
    placed = {}
    for stream in streams:
        placed.setdefault(stream.name, []).extend(stream.outlines)
    placed = {name: outlines for name, outlines in placed.items() if outlines}
    if not placed:
        return []
    boxes = {name: _box(np.concatenate(outlines)) for name, outlines in placed.items()}
    whole = _box(np.concatenate(list(boxes.values())))
    if _are_near(list(boxes.values())):
        return [_drawn(placed, whole, 'All images')]
    groups: list[list[str]] = []
    for name in placed:
        near = next((group for group in groups if _are_near([boxes[one] for one in (*group, name)])), None)
        if near is None:
            groups.append([name])
        else:
            near.append(name)
    pictures = [_overview(boxes, whole)]
    for group in groups:
        box = _box(np.concatenate([boxes[name] for name in group]))
        pictures.append(_drawn({name: placed[name] for name in group}, box, ' and '.join(group)))
    return pictures


def _are_near(boxes: Sequence[np.ndarray]) -> bool:
    """Whether boxes can be drawn together, each large enough to be seen."""
    whole = _box(np.concatenate(boxes))
    widest = max(float((box[1] - box[0]).max()) for box in boxes)
    return float((whole[1] - whole[0]).max()) <= APART * widest


def _box(points: np.ndarray) -> np.ndarray:
    """Least and greatest longitude and latitude, (2, 2)."""
    return np.stack([points.min(axis=0), points.max(axis=0)])


def _axes(box: np.ndarray, title: str):
    figure, axes = figure_of((4.0, 3.2))
    axis = axes[0, 0]
    latitude = float(box[:, 1].mean())
    squeeze = max(np.cos(np.radians(latitude)), 0.05)
    centre, half = box.mean(axis=0), (box[1] - box[0]) / 2
    reach = 1.15 * max(half[0] * squeeze, half[1], 1e-5)
    axis.set_xlim(centre[0] - 1.3 * reach / squeeze, centre[0] + 1.3 * reach / squeeze)
    axis.set_ylim(centre[1] - reach, centre[1] + reach)
    axis.set_aspect(1 / squeeze)
    digits = int(np.clip(np.ceil(-np.log10(reach)) + 1, 0, 5))
    for side in (axis.xaxis, axis.yaxis):
        side.set_major_formatter(lambda value, _: f'{value:.{digits}f}°')
    axis.locator_params(axis='both', nbins=4)
    axis.set_title(title, fontsize=9.5, loc='left', color=INK)
    axis.set_xlabel('longitude', fontsize=8.5, color=INK)
    axis.set_ylabel('latitude', fontsize=8.5, color=INK)
    return figure, axis


def _overview(boxes: dict[str, np.ndarray], whole: np.ndarray) -> Picture:
    figure, axis = _axes(whole, 'Where they lie')
    for name, box in boxes.items():
        axis.plot(*box.mean(axis=0), 's', color=colour_of(name), markersize=7, alpha=0.8)
    centres = {name: box.mean(axis=0) for name, box in boxes.items()}
    told = ', '.join(f'{name} at {_place(centre)}' for name, centre in centres.items())
    apart = ''
    if {'source', 'target'} <= set(centres):
        apart = f' Source and target are {_kilometres(centres["source"], centres["target"]):.0f} km apart.'
    return picture_of(figure, f'Positions of the images: {told}', f'Centres: {told}.{apart}')


def _drawn(placed: dict[str, list[np.ndarray]], box: np.ndarray, title: str) -> Picture:
    from matplotlib.patches import Polygon

    figure, axis = _axes(box, title)
    for name, outlines in placed.items():
        for corners in outlines:
            axis.add_patch(Polygon(corners, facecolor=colour_of(name), edgecolor=colour_of(name), alpha=0.45))
    size = (box[1] - box[0]) * METRES * np.array([np.cos(np.radians(box[:, 1].mean())), 1.0])
    told = ', '.join(f'{len(outlines)} of {name}' for name, outlines in placed.items())
    caption = f'Outlines: {told}, within {_length(size[0])} by {_length(size[1])}.'
    return picture_of(figure, f'Outlines of images around {_place(box.mean(axis=0))}: {told}', caption)


def _place(point: np.ndarray) -> str:
    east, north = ('E' if point[0] >= 0 else 'W'), ('N' if point[1] >= 0 else 'S')
    return f'{abs(point[1]):.2f}° {north} {abs(point[0]):.2f}° {east}'


def _length(metres: float) -> str:
    return f'{metres / 1000:.1f} km' if metres >= 1000 else f'{metres:.0f} m'


def _kilometres(first: np.ndarray, second: np.ndarray) -> float:
    """Distance on a sphere."""
    (lon, lat), (other_lon, other_lat) = np.radians(first), np.radians(second)
    half = np.sin((other_lat - lat) / 2) ** 2 + np.cos(lat) * np.cos(other_lat) * np.sin((other_lon - lon) / 2) ** 2
    return float(2 * 6371.0 * np.arcsin(np.sqrt(half)))


def colours_chart(streams: Sequence[Stream]) -> Picture | None:
    """Mean and deviation of each band of each stream; None if none is known."""
    known = [stream for stream in streams if stream.colours is not None]
    if not known:
        return None
    figure, axes = figure_of((4.0, 2.6))
    axis = axes[0, 0]
    bands = max(len(stream.colours.mean) for stream in known)
    for place, stream in enumerate(known):
        at = np.arange(len(stream.colours.mean)) + 0.16 * (place - (len(known) - 1) / 2)
        style = dict(color=colour_of(stream.name), fmt='o', capsize=3, markersize=5, linewidth=1.6)
        axis.errorbar(at, stream.colours.mean, yerr=stream.colours.std, **style)
    axis.set_xticks(range(bands), names_of_bands(bands))
    axis.set_ylim(0, 255)
    axis.grid(visible=False, axis='x')
    axis.set_title('Mean ± standard deviation of each band', fontsize=9.5, loc='left', color=INK)
    told = '; '.join(f'{stream.name} {told_colours(stream)}' for stream in known)
    return picture_of(figure, f'Mean and deviation of each band: {told}')


def names_of_bands(count: int) -> list[str]:
    return list(BANDS) if count == len(BANDS) else [f'band {number}' for number in range(1, count + 1)]


def told_colours(stream: Stream) -> str:
    if stream.colours is None:
        return '-'
    return ', '.join(f'{mean:.0f}\u00a0±\u00a0{std:.0f}' for mean, std in zip(*stream.colours, strict=True))
