"""What a model card says of the run: data, method, versions, and how far and how well the weights were trained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import mmcv
import mmengine
import mmseg
import torch
from mmengine.hooks import CheckpointHook

import mmuda
from mmuda.registry import DATASETS

LAST_METRICS = 'last_metrics'
"""Entry of the message hub: metrics of the last validation, and its ``iteration``."""


def versions() -> dict[str, str]:
    """Versions of the packages that build and run the network."""
    found = dict(mmuda=mmuda.__version__, torch=torch.__version__, mmseg=mmseg.__version__)
    found.update(mmengine=mmengine.__version__, mmcv=mmcv.__version__)
    with suppress(PackageNotFoundError):
        found['rasterio'] = version('rasterio')
    return {name: str(text) for name, text in found.items()}


def data_of(cfg: Mapping) -> dict[str, str]:
    """Dataset of each stream of the training, by its class and what it selects; no paths but the last folder."""
    dataset = (cfg.get('train_dataloader') or {}).get('dataset') or {}
    streams = {name: value for name, value in dataset.items() if isinstance(value, Mapping) and 'type' in value}
    return {name: _described(value) for name, value in (streams or dict(training=dataset)).items() if value}


def _described(dataset: Mapping) -> str:
    while isinstance(dataset.get('dataset'), Mapping):
        dataset = dataset['dataset']
    kind = dataset.get('type')
    folder = dataset.get('data_root') or (dataset.get('data_prefix') or {}).get('img_path')
    if not folder and isinstance(kind, str):
        folder = getattr(DATASETS.get(kind), 'ROOT', None)
    prefix = dataset.get('name_prefix')
    chosen = ', '.join([prefix] if isinstance(prefix, str) else prefix or ())
    parts = [
        kind if isinstance(kind, str) else getattr(kind, '__name__', str(kind)),
        folder and Path(folder).name,
        chosen,
    ]
    return ' '.join(part for part in parts if part)


def method_of(cfg: Mapping) -> dict:
    """What the training did: types of terms and views by name, and the stages."""
    model, stages = cfg['model'], (cfg.get('train_cfg') or {}).get('stages') or ()
    named = {
        key: {name: str(one.get('type')) for name, one in (model.get(key) or {}).items() if isinstance(one, Mapping)}
        for key in ('terms', 'views')
    }
    return dict(named, stages=[str(stage.get('name')) for stage in stages if isinstance(stage, Mapping)])


def bands_of_files(runner) -> dict[int, str]:
    """Names of the bands in the first raster of the validation or the test, by number."""
    for loop in (runner._val_loop, runner._test_loop):
        dataset = getattr(getattr(loop, 'dataloader', None), 'dataset', None)
        rasters: Sequence = getattr(dataset, 'rasters', None) or ()
        if rasters:
            pairs = zip(rasters[0].names or [''] * rasters[0].count, rasters[0].meanings or (), strict=False)
            return {index: name or meaning for index, (name, meaning) in enumerate(pairs, 1)}
    return {}


def progress(runner, iteration: int | None) -> dict:
    """Iteration, metrics and selection of the weights that are being saved."""
    known = runner.message_hub.runtime_info
    last, best = known.get(LAST_METRICS), known.get('best_metrics') or {}
    validation = None
    if last:
        metrics = {key: value for key, value in last.items() if key != 'iteration'}
        of_these = last['iteration'] == iteration
        validation = dict(
            iteration=last['iteration'], metrics=metrics, of_these_weights=of_these, data=_validated(runner)
        )
    selection = 'the last iteration so far'
    if best and best['iteration'] == iteration:
        name = next(h.key_indicators[0] for h in runner.hooks if isinstance(h, CheckpointHook) and h.save_best)
        selection = f'the best so far by {name} of the validation'
    return dict(iteration=iteration, validation=validation, selection=selection)


def _validated(runner) -> str:
    return _described((runner.cfg.get('val_dataloader') or {}).get('dataset') or {})
