"""Exports a trained segmentor as a plain mmseg model."""

import os
from collections.abc import Mapping
from pathlib import Path

from mmengine.config import Config
from mmseg.models.segmentors import EncoderDecoder
from torch import Tensor

from mmuda.apis.prepare import prepare
from mmuda.checkpoints.reading import (
    SEGMENTOR,
    TEACHER,
    read_checkpoint,
    refuse_not_finite,
    state_dict_of,
    write_checkpoint,
)
from mmuda.datasets.raster.unread import reads_rasters, unread_dataset
from mmuda.registry import DATASETS, MODELS
from mmuda.structures import IGNORE_INDEX
from mmuda.utils.errors import UserError
from mmuda.utils.fileio import write_atomically
from mmuda.utils.inputs import check_outputs

WEIGHTS, CONFIG = 'segmentor.pth', 'segmentor.py'


def export_segmentor(
    cfg: Config, checkpoint: str | os.PathLike, out_dir: str | os.PathLike, domain: str = 'target'
) -> tuple[Path, Path]:
    """Write the segmentor of a trained model as a config and a checkpoint of mmseg, without terms and discriminators.

    The config holds ``model``, ``default_scope``, and the ``test_pipeline`` that mmseg's inference needs. The model is
    mmseg's segmentor with a ``SegDataPreProcessor`` that uses the domain's statistics for BGR images, as mmseg loads
    them. mmseg does not handle ground sample distances: images must have the one that the config tests at, stated in
    the file's first line. A segmentor with parts from mmuda (``DeepLabV2Head``, ``DirectEncoderDecoder``, ...) also
    gets ``custom_imports`` of mmuda, which registers them. One built only from mmseg's parts runs without mmuda.

    Args:
        cfg: Config from :func:`mmuda.apis.load_config`.
        checkpoint: The trained weights.
        out_dir: Folder to write ``segmentor.py`` and ``segmentor.pth`` to.
        domain: Domain whose statistics normalise the images.

    Returns:
        Paths of the config and the checkpoint.

    Raises:
        UserError: If the model is not a :class:`DomainAdaptation`, the checkpoint does not fit the segmentor, the
            config reads bands or values that mmseg cannot load, or an output is an input.
    """
    cfg = prepare(cfg)
    segmentor = cfg.model.get('segmentor')
    if segmentor is None:
        raise UserError(f'config {cfg.filename} has no model.segmentor: its model is a plain one already')
    model = MODELS.build(cfg.model)
    if not isinstance(model.segmentor, EncoderDecoder):
        raise UserError(
            f'{type(model.segmentor).__name__} predicts on a grid of its own, which a plain EncoderDecoder cannot; '
            'predict with tools/predict.py or mmuda.apis'
        )
    _check_images(cfg)
    check_outputs({}, [checkpoint, *filter(None, [cfg.filename])], [Path(out_dir) / WEIGHTS, Path(out_dir) / CONFIG])
    prefix = TEACHER if model.evaluate_teacher else SEGMENTOR
    weights = _segmentor_state(state_dict_of(read_checkpoint(os.fspath(checkpoint))), prefix)
    refuse_not_finite(weights, checkpoint)
    mismatch = model.segmentor.load_state_dict(weights, strict=False)
    if mismatch.missing_keys or mismatch.unexpected_keys:
        raise UserError(
            f'{checkpoint} does not fit the segmentor of {cfg.filename}: missing {mismatch.missing_keys[:3]}, '
            f'unexpected {mismatch.unexpected_keys[:3]}; give the checkpoint of this config'
        )
    plain, ours = _plain(segmentor)
    preprocessor = _preprocessor(model.data_preprocessor, domain)
    exported = Config(dict(default_scope='mmseg', model=dict(plain, data_preprocessor=preprocessor)))
    exported.test_pipeline = [dict(type='LoadImageFromFile'), dict(type='PackSegInputs')]
    exported.test_dataloader = dict(dataset=dict(pipeline=exported.test_pipeline))
    if ours:
        exported.custom_imports = dict(imports=['mmuda.models'], allow_failed_imports=False)
    folder = Path(out_dir)
    write_atomically(f'{_note(cfg)}\n{exported.pretty_text}'.encode(), folder / CONFIG)
    write_checkpoint(weights, folder / WEIGHTS, dataset_meta=_dataset_meta(cfg))
    return folder / CONFIG, folder / WEIGHTS


def _segmentor_state(state: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The segmentor's weights without their name prefix; a plain checkpoint has no prefix."""
    if not any(name.startswith(prefix) for name in state):
        return dict(state)
    return {name.removeprefix(prefix): tensor for name, tensor in state.items() if name.startswith(prefix)}


def _plain(cfg):
    """The config with scoped type names and without initialisation, and whether any part comes from mmuda."""
    if isinstance(cfg, list | tuple):
        parts = [_plain(value) for value in cfg]
        return type(cfg)(value for value, _ in parts), any(ours for _, ours in parts)
    if not isinstance(cfg, Mapping):
        return cfg, False
    plain, any_ours = {}, False
    for key, value in cfg.items():
        if key in ('init_cfg', 'pretrained'):
            continue
        plain[key], ours = _plain(value)
        any_ours |= ours
        if key == 'type' and value in MODELS.module_dict:
            plain[key], any_ours = f'{MODELS.scope}.{value}', True
    return plain, any_ours


def _preprocessor(preprocessor, domain: str) -> dict:
    own = preprocessor.streams.get(domain, preprocessor.default)
    return dict(
        type='SegDataPreProcessor',
        mean=list(own['mean']),
        std=list(own['std']),
        # mmseg loads BGR.
        bgr_to_rgb=not preprocessor.rgb_to_bgr,
        pad_val=0,
        seg_pad_val=IGNORE_INDEX,
    )


def _dataset_meta(cfg: Config) -> dict:
    """Class metadata for mmseg's inferencers, if the config has it."""
    dataset = _tested(cfg)
    if dataset.get('class_mapping') is not None and reads_rasters(dataset):
        metainfo = unread_dataset(dataset).metainfo
        return {key: metainfo[key] for key in ('classes', 'palette')}
    cls = DATASETS.get(dataset['type']) if dataset.get('type') else None
    whole, own = getattr(cls, 'METAINFO', None) or {}, dataset.get('metainfo') or {}
    metainfo = {**whole, **own}
    if 'palette' not in own and 'classes' in own and 'palette' in whole:  # a subset of the dataset's classes
        colours = dict(zip(whole['classes'], whole['palette'], strict=True))
        metainfo['palette'] = [colours[name] for name in own['classes'] if name in colours]
    return {key: metainfo[key] for key in ('classes', 'palette') if key in metainfo}


def _tested(cfg: Config) -> Mapping:
    """Config of the test dataset, or {}."""
    return (cfg.get('test_dataloader') or cfg.get('val_dataloader') or {}).get('dataset') or {}


def _check_images(cfg: Config) -> None:
    dataset = _tested(cfg)
    if not reads_rasters(dataset):
        return
    dataset = unread_dataset(dataset)
    if (dataset.bands or (1, 2, 3)) != (1, 2, 3) or dataset.value_range is not None:
        raise UserError(
            f'{cfg.filename} reads bands={dataset.bands} with value_range={dataset.value_range}, but '
            'mmseg loads 8-bit red, green, blue; predict with tools/predict.py or mmuda.apis'
        )


def _note(cfg: Config) -> str:
    """A comment that states the required ground sample distance of the images."""
    for step in _tested(cfg).get('pipeline') or []:
        if step.get('type') == 'ResampleToGSD':
            grid = (
                f'{step["gsd"]} m per pixel' if step.get('gsd') else f'{step["ratio"]} times coarser than the original'
            )
            return f'# Images: {grid}.'
    return '# Images: at their own ground sample distance.'
