"""Makes the maps of a raster that has been checked, by a model of this process."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from mmengine import dist
from torch import nn

from mmuda.apis.map_network import MapNetwork
from mmuda.apis.prediction import Prediction
from mmuda.datasets.raster.states import states_of
from mmuda.engine.runner.pseudo_labels import fingerprint
from mmuda.maps.making import Legend, Processes, make_map
from mmuda.maps.options import outputs_of


def write_maps(
    model: nn.Module, job: Prediction, out_path: str | os.PathLike, report: Callable[[str], None] | None = None
) -> Path:
    """Predict a raster that :func:`prediction_of` has checked; see :func:`mmuda.apis.predict_raster`."""
    options, info = job.options, job.info
    return make_map(
        MapNetwork(model, job.pipeline, info, options.views),
        info,
        (job.tile, job.overlap, job.margin),
        options,
        _legend(model, job),
        outputs_of(out_path, options),
        _identity(model, job),
        options.batch_size or (16 if next(model.parameters()).is_cuda else 1),
        report,
        Processes(dist.get_rank(), dist.get_world_size(), dist.barrier),
    )


def _legend(model: nn.Module, job: Prediction) -> Legend:
    head = getattr(model, 'segmentor', model).decode_head
    return Legend(
        channels=head.out_channels,
        names=tuple(model.dataset_meta.get('classes') or job.pipeline.dataset.metainfo.get('classes') or ()),
        palette=model.dataset_meta.get('palette') or job.pipeline.palette,
        threshold=getattr(head, 'threshold', None) or 0.5,
    )


def _identity(model: nn.Module, job: Prediction) -> dict:
    config = {key: model.cfg.get(key) for key in ('model', 'test_dataloader', 'val_dataloader')}
    return dict(files=states_of([job.info.path]), gsd=job.info.gsd, config=str(config), weights=fingerprint(model))
