"""Predicts many rasters. All are checked and all outputs are named before the first prediction."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from torch import nn

from mmuda.apis.mapping import write_maps
from mmuda.apis.prediction import prediction_of
from mmuda.maps.inputs import check_maps, find_rasters
from mmuda.maps.options import MapOptions
from mmuda.utils.writing import check_writable


def predict_rasters(
    model: nn.Module,
    inputs: Sequence[str | os.PathLike],
    out_dir: str | os.PathLike,
    gsd: float | None = None,
    tile: int | None = None,
    margin: int | None = None,
    report: Callable[[str], None] = print,
    **options,
) -> list[Path]:
    """Predict rasters, folders of rasters and patterns, each raster as :func:`predict_raster` does.

    A raster becomes ``<out_dir>/<name>.tif``; one from a folder or pattern keeps its path relative to the folder. If
    rasters in several folders share a name, paths are relative to the folders' common parent. Prediction starts once
    all rasters have been opened and fit the config, and all outputs are known to be distinct files.

    Args:
        model: Of :func:`init_model`.
        inputs: Rasters, folders, or patterns such as ``'images/**/*_rgb.tif'``. Folders include subfolders, but not
            ``out_dir``.
        out_dir: Folder for the predictions.
        gsd: As :func:`predict_raster`, for all of them.
        tile: As :func:`predict_raster`.
        margin: As :func:`predict_raster`.
        report: Called with lines for the user.
        **options: As :func:`predict_raster`.

    Returns:
        The maps written.

    Raises:
        FileNotFoundError: If there is no such raster.
        UserError: If a raster cannot be predicted by this config, a folder has none, an output is an input, or two
            rasters would have one output.
    """
    outputs = find_rasters(inputs, out_dir, report)
    settings = MapOptions(**options)
    jobs = {path: prediction_of(model, path, gsd, tile, margin, settings) for path in outputs}
    check_maps(outputs, settings)
    check_writable(out_dir)
    for job in jobs.values():
        for note in job.notes:
            report(note)
    return [write_maps(model, jobs[path], out, report) for path, out in outputs.items()]
