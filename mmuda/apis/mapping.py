"""Predicts a raster that has been checked, and writes its maps."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path

import numpy as np
from mmengine import dist
from rasterio.windows import Window
from torch import nn

from mmuda.apis.map_network import MapNetwork, weights_digest
from mmuda.apis.prediction import MapOptions, Prediction
from mmuda.datasets.raster.checked_writing import CheckedWriter
from mmuda.maps.blending import classes_of, probabilities_of
from mmuda.maps.cog import cog_like
from mmuda.maps.parts import Parts
from mmuda.maps.strips import predict_strips
from mmuda.maps.windows import Plan
from mmuda.structures import IGNORE_INDEX
from mmuda.utils.errors import UserError
from mmuda.utils.progress import Progress
from mmuda.visualization import colour_table, default_palette

MEMORY = 512 << 20
"""Bytes of logits that are held at a time."""
MAP, CONFIDENCE, PROBABILITIES = 'map', 'confidence', 'probabilities'
PERCENT, NO_PERCENT = 0.01, 255


def outputs_of(out_path: str | os.PathLike, options: MapOptions) -> dict[str, Path]:
    """The files that a prediction writes: the map, and beside it what else was asked for."""
    out = Path(out_path)
    more = [kind for kind in (CONFIDENCE, PROBABILITIES) if getattr(options, kind)]
    return {MAP: out, **{kind: out.with_name(f'{out.stem}_{kind}{out.suffix}') for kind in more}}


def write_maps(
    model: nn.Module, job: Prediction, out_path: str | os.PathLike, report: Callable[[str], None] | None = None
) -> Path:
    """Predict a raster that :func:`prediction_of` has checked; see :func:`mmuda.apis.predict_raster`."""
    options, info = job.options, job.info
    head = _head_of(model)
    classes = head.out_channels
    plan = Plan(info.height, info.width, job.tile, job.overlap, job.margin, max(1, MEMORY // (4 * classes * job.tile)))
    out = outputs_of(out_path, options)
    parts = Parts(out[MAP], _identity(model, job), dist.is_main_process())
    dist.barrier()
    progress = Progress(1, f'windows of {info.path}', report if dist.is_main_process() else None, 0, 60.0, last=True)

    def told(done: int, total: int) -> None:
        progress.total = total
        progress.update(done)

    def bands_of(logits: np.ndarray, missing: np.ndarray) -> dict[str, np.ndarray]:
        return _bands(logits, missing, options, getattr(head, 'threshold', None) or 0.5)

    network = MapNetwork(model, job.pipeline, info, options.views)
    batch = options.batch_size or (16 if next(model.parameters()).is_cuda else 1)
    with parts.unless_empty():
        predict_strips(plan, parts, network, bands_of, batch, (dist.get_rank(), dist.get_world_size()), told)
    dist.barrier()
    if dist.is_main_process():
        _write(model, job, plan, parts, out)
        parts.remove()
    dist.barrier()
    return out[MAP]


def _head_of(model: nn.Module) -> nn.Module:
    return getattr(model, 'segmentor', model).decode_head


def _identity(model: nn.Module, job: Prediction) -> dict:
    """All that decides the values of a map."""
    states = [os.stat(job.info.path)] if os.path.exists(job.info.path) else []
    files = [(os.path.abspath(job.info.path), state.st_size, state.st_mtime_ns) for state in states]
    config = {key: model.cfg.get(key) for key in ('model', 'test_dataloader', 'val_dataloader')}
    settings = (job.tile, job.overlap, job.margin, job.info.gsd, asdict(job.options), MEMORY)
    return dict(files=files, config=str(config), weights=weights_digest(model), settings=settings)


def _bands(logits: np.ndarray, missing: np.ndarray, options: MapOptions, threshold: float) -> dict[str, np.ndarray]:
    label = classes_of(logits, threshold)
    label[missing] = IGNORE_INDEX
    bands = {MAP: label[None]}
    if not (options.confidence or options.probabilities):
        return bands
    prob = probabilities_of(logits)
    if options.confidence:
        chosen = np.take_along_axis(prob, np.where(missing, 0, label)[None].astype(np.int64), axis=0)
        bands[CONFIDENCE] = _stored(chosen, missing, options.confidence)
    if options.probabilities:
        bands[PROBABILITIES] = _stored(prob, missing, options.probabilities)
    return bands


def _stored(prob: np.ndarray, missing: np.ndarray, dtype: str) -> np.ndarray:
    """Probabilities as float32, NaN without data, or in whole percent, 255 without data."""
    if dtype == 'float32':
        return np.where(missing, np.float32(np.nan), prob).astype(np.float32)
    return np.where(missing, NO_PERCENT, np.rint(prob / PERCENT)).astype(np.uint8)


def _write(model: nn.Module, job: Prediction, plan: Plan, parts: Parts, out: dict[str, Path]) -> None:
    """Put the strips together."""
    options, head = job.options, _head_of(model)
    names = tuple(model.dataset_meta.get('classes') or job.pipeline.dataset.metainfo.get('classes') or ())
    palette = model.dataset_meta.get('palette') or job.pipeline.palette or default_palette(head.num_classes)
    with ExitStack() as stack:

        def opened(kind: str, **settings) -> CheckedWriter:
            return stack.enter_context(cog_like(out[kind], job.info.path, inputs=[parts.folder], **settings))

        files = {MAP: opened(MAP, nodata=IGNORE_INDEX, colours=colour_table(palette), categories=names)}
        for kind, bands in ((CONFIDENCE, 1), (PROBABILITIES, max(2, head.out_channels))):
            dtype = getattr(options, kind)
            if not dtype:
                continue
            whole = dtype == 'uint8'
            scale, nodata = (PERCENT, NO_PERCENT) if whole else (None, float('nan'))
            described = ('confidence',) if bands == 1 else names[:bands]
            settings = dict(count=bands, dtype=dtype, nodata=nodata, scale=scale, descriptions=described)
            files[kind] = opened(kind, **settings)
        for (left, right), row, found in _strips(plan, parts):
            top, bottom = plan.strip(row)
            for kind, file in files.items():
                file.write(found[kind], window=Window(left, top, right - left, bottom - top))


def _strips(plan: Plan, parts: Parts) -> Iterator[tuple[tuple[int, int], int, dict[str, np.ndarray]]]:
    for row in range(len(plan.rows)):
        for number, segment in enumerate(plan.segments):
            found = parts.read(number, row)
            if found is None:
                parts.path(number, row).unlink(missing_ok=True)
                raise UserError(
                    f'{parts.path(number, row)}, a finished strip of the map, is missing or damaged (processes that '
                    'share a prediction need one folder); run the same command again, which predicts it anew'
                )
            yield segment, row, found
