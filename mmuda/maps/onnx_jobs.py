"""Predicts rasters by an exported ONNX file, without torch."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from mmuda.datasets.raster.notes import notes_on_pixels
from mmuda.datasets.raster.reading import probe_raster
from mmuda.datasets.raster.states import states_of
from mmuda.maps.inputs import check_maps, find_rasters
from mmuda.maps.making import Legend, make_map
from mmuda.maps.onnx_network import OnnxModel, OnnxNetwork
from mmuda.maps.options import MapOptions, outputs_of, window_borders
from mmuda.utils.inputs import check_outputs
from mmuda.utils.writing import check_writable


def predict_by_onnx(
    model: str | os.PathLike,
    inputs: Sequence[str | os.PathLike],
    out_dir: str | os.PathLike,
    gsd: float | None = None,
    tile: int | None = None,
    margin: int | None = None,
    report: Callable[[str], None] = print,
    **options,
) -> list[Path]:
    """Predict rasters, folders and patterns as :func:`mmuda.apis.predict_rasters` does, by an ONNX file.

    Args:
        model: A file of ``tools/export.py --format onnx``.
        inputs: As :func:`mmuda.apis.predict_rasters`, as all that follow.
        out_dir: Folder for the maps.
        gsd: Metres per pixel of the rasters; None takes what the model card states, else the georeference.
        tile: Side of the windows in pixels; None takes that of the model card, else 512, or what a file that takes
            images of one size needs.
        margin: Pixels discarded at the border of a window.
        report: Called with lines for the user.
        **options: Attributes of :class:`mmuda.maps.options.MapOptions`.

    Returns:
        The maps written.

    Raises:
        FileNotFoundError: The model or a raster is not there.
        UserError: A file is damaged or does not fit the model, or a map cannot be written.
    """
    network, settings = OnnxModel(model), MapOptions(**options)
    outputs = find_rasters(inputs, out_dir, report)
    jobs, windows = {}, {}
    for path in outputs:
        known = gsd if gsd is not None else network.card['input']['raster_gsd']
        jobs[path] = OnnxNetwork(network, probe_raster(path).resolved(known), settings.views)
        side = jobs[path].tile if tile is None else tile
        windows[path] = (side, *window_borders(side, settings.overlap, margin))
        jobs[path].check(side)
    check_maps(outputs, settings)
    check_outputs({}, [model], [file for out in outputs.values() for file in outputs_of(out, settings).values()])
    check_writable(out_dir)
    for note in notes_on_pixels([job.info for job in jobs.values()]):
        report(note)
    legend = Legend(len(network.card['classes']), tuple(network.card['classes']), network.card['palette'] or ())
    digest, maps = network.digest(), []
    for path, out in outputs.items():
        identity = dict(files=states_of([path]), model=digest, gsd=jobs[path].info.gsd)
        files = outputs_of(out, settings)
        maps.append(
            make_map(jobs[path], jobs[path].info, windows[path], settings, legend, files, identity,
                     settings.batch_size or 1, report, exact=network.fixed is not None)
        )  # fmt: skip
    return maps
