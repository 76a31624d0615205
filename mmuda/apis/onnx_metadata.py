"""Metadata of an ONNX file as the QGIS plugin Deepness reads them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

# Sides of a window are multiples of it: the coarsest grid of usual networks.
GRID = 32
DEFAULT_TILE = 512
# Neighbouring windows of tools/predict.py share a quarter of their sides.
OVERLAP = 25


def network_tile(card: Mapping) -> int:
    """Side in pixels of the windows that the network gets, a multiple of 32.

    It is the window of a segmentor that slides, else the test set's tile at the network's ground sample distance.

    Args:
        card: The model card.
    """
    test_cfg, given = card['segmentor'].get('test_cfg') or {}, card['input']
    tile = given['tile'] or DEFAULT_TILE
    if test_cfg.get('mode') == 'slide':
        tile = min(test_cfg['crop_size'])
    elif given['gsd'] and given['raster_gsd']:
        tile = tile * given['raster_gsd'] / given['gsd']
    return max(GRID, round(tile / GRID) * GRID)


def deepness_metadata(card: Mapping, tile: int) -> dict[str, str]:
    """Deepness's metadata, each value a JSON text.

    Deepness divides pixels by 255, then subtracts ``standardization_mean`` and divides by ``standardization_std``; the
    card's statistics and value range are rewritten for that. ``resolution`` is in centimetres per pixel,
    ``tiles_overlap`` in percent. Its documentation says ``tiles_size``, its code reads ``tile_size``; both are given.
    ``seg_thresh`` is 0, since scores are no probabilities.

    Args:
        card: The model card.
        tile: Side of a window in pixels of the network.

    Returns:
        Keys and texts; ``resolution`` only if the network's ground sample distance is known.
    """
    given = card['input']
    mean, std = _of_unit_values(given['mean'], given['std'], given['value_range'])
    values = dict(
        model_type='Segmentor',
        class_names={str(index): name for index, name in enumerate(card['classes'])},
        tiles_size=tile,
        tile_size=tile,
        tiles_overlap=OVERLAP,
        standardization_mean=mean,
        standardization_std=std,
        seg_thresh=0.0,
        seg_small_segment=0,
    )
    if given['gsd'] is not None:
        values['resolution'] = round(100 * given['gsd'], 6)
    return {key: json.dumps(value) for key, value in values.items()}


def _of_unit_values(
    mean: Sequence[float], std: Sequence[float], value_range: Sequence | None
) -> tuple[list[float], list[float]]:
    """Statistics of a raster's own values divided by 255, from those of values that ``value_range`` maps to 0..255."""
    ranges = value_range or (0.0, 255.0)
    if not isinstance(ranges[0], list | tuple):
        ranges = [ranges] * len(mean)
    spans = [(high - low) / 255 for low, high in ranges]
    means = [(m * span + low) / 255 for m, span, (low, _) in zip(mean, spans, ranges, strict=True)]
    return means, [s * span / 255 for s, span in zip(std, spans, strict=True)]
