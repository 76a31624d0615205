"""Checks from its header whether a raster can be predicted."""

from __future__ import annotations

import os
from dataclasses import dataclass

from torch import nn

from mmuda.apis.window_pipeline import WindowPipeline
from mmuda.datasets.raster.info import RasterInfo
from mmuda.datasets.raster.notes import notes_on_colours, notes_on_pixels
from mmuda.datasets.raster.reading import probe_raster
from mmuda.maps.options import MapOptions, window_borders
from mmuda.models.data_preprocessor import UDADataPreprocessor

GSD_TOLERANCE = 0.03
"""Relative difference between a ground sample distance and the georeference's above which a note is given."""


@dataclass(frozen=True)
class Prediction:
    """A raster that can be predicted, according to its header.

    Attributes:
        pipeline: Pipeline that reads its windows.
        info: Its header, with the pixel size used for reading; unknown only if not needed.
        tile: Size in pixels of the windows.
        overlap: Pixels that neighbouring windows share.
        margin: Pixels discarded at the border of a window.
        notes: Notes for the user.
        options: The other settings.
    """

    pipeline: WindowPipeline
    info: RasterInfo
    tile: int
    overlap: int
    margin: int
    notes: tuple[str, ...]
    options: MapOptions


def prediction_of(
    model: nn.Module,
    in_path: str | os.PathLike,
    gsd: float | None = None,
    tile: int | None = None,
    margin: int | None = None,
    options: MapOptions | None = None,
) -> Prediction:
    """Check that a raster can be predicted.

    Args:
        model: Of :func:`init_model`.
        in_path: As :func:`predict_raster`.
        gsd: As :func:`predict_raster`.
        tile: As :func:`predict_raster`.
        margin: As :func:`predict_raster`.
        options: As :func:`predict_raster`.

    Raises:
        FileNotFoundError: If there is no such raster.
        UserError: If it cannot be predicted by this config, or an argument is wrong.
    """
    pipeline = WindowPipeline(model.cfg)
    header = probe_raster(str(in_path))
    known = gsd if gsd is not None else pipeline.resolved(header).gsd
    pipeline.check_gsd(known, str(in_path), 'predict_raster (--gsd)')
    info = pipeline.resolved(header, gsd)
    tile = pipeline.tile if tile is None else tile
    options = options or MapOptions()
    overlap, margin = window_borders(tile, options.overlap, margin)
    pipeline.check_raster(info, tile, _channels_of(model, pipeline.dataset.domain))
    colours = notes_on_colours([info], pipeline.dataset.bands)
    notes = (*_notes_on_gsd(header.resolved(), info.gsd, gsd), *notes_on_pixels([info]), *colours)
    return Prediction(pipeline, info, tile, overlap, margin, notes, options)


def _notes_on_gsd(info: RasterInfo, used: float | None, given: float | None) -> list[str]:
    if used is None or info.gsd is None or abs(used / info.gsd - 1) <= GSD_TOLERANCE:
        return []
    why = 'as was asked for' if given is not None else 'as in a test: the test set of the config states it'
    remedy = '' if given is not None else f'; --gsd {info.gsd:.4g} takes the georeference at its word'
    return [
        f'{info.path} has {info.gsd:.4g} m per pixel by its georeference, but is predicted as {used:.4g} m, '
        f'{why}{remedy}'
    ]


def _channels_of(model: nn.Module, domain: str | None) -> int | None:
    """Number of bands that the model's preprocessor normalises; None if unknown."""
    preprocessor = getattr(model, 'data_preprocessor', None)
    if isinstance(preprocessor, UDADataPreprocessor):
        return len(preprocessor.streams.get(domain or preprocessor.default_domain, preprocessor.default)['mean'])
    mean = getattr(preprocessor, 'mean', None)
    return None if mean is None else len(mean)
