"""A trained segmentor alone, as a plain mmseg model."""

import io
import os
from collections.abc import Mapping
from pathlib import Path

import torch
from mmengine.config import Config
from torch import Tensor

from mmuda.registry import DATASETS, MODELS
from mmuda.utils.checkpoint import SEGMENTOR, TEACHER, read_checkpoint, state_dict_of
from mmuda.utils.errors import UserError
from mmuda.utils.fileio import write_atomically

WEIGHTS, CONFIG = 'segmentor.pth', 'segmentor.py'


def export_segmentor(
    cfg: Config, checkpoint: str | os.PathLike, out_dir: str | os.PathLike, domain: str = 'target'
) -> tuple[Path, Path]:
    """Write the segmentor of a trained model as a config and a checkpoint of mmseg, without terms and discriminators.

    The config holds ``model`` (mmseg's segmentor with a ``SegDataPreProcessor`` of the domain's statistics, for images
    that mmseg loads, hence BGR) and ``default_scope``. A segmentor with parts of ours (``DeepLabV2Head``, ...) also
    gets ``custom_imports`` of mmuda, which registers them; one of mmseg's parts alone needs no mmuda.

    Args:
        cfg: Config from :func:`mmuda.apis.load_config`.
        checkpoint: The trained weights.
        out_dir: Folder to write ``segmentor.py`` and ``segmentor.pth`` to.
        domain: Whose statistics images are normalised by.

    Returns:
        Config and checkpoint.

    Raises:
        UserError: If the model is no :class:`DomainAdaptation`, or the checkpoint does not fit the segmentor.
    """
    segmentor = cfg.model.get('segmentor')
    if segmentor is None:
        raise UserError(f'config {cfg.filename} has no model.segmentor: its model is a plain one already')
    model = MODELS.build(cfg.model)
    if type(model.segmentor).__module__.startswith('mmuda.'):
        raise UserError(
            f'{type(model.segmentor).__name__} predicts on a grid of its own, which a plain EncoderDecoder cannot; '
            'predict with tools/predict.py or mmuda.apis'
        )
    prefix = TEACHER if model.evaluate_teacher else SEGMENTOR
    weights = _segmentor_state(state_dict_of(read_checkpoint(os.fspath(checkpoint))), prefix)
    mismatch = model.segmentor.load_state_dict(weights, strict=False)
    if mismatch.missing_keys or mismatch.unexpected_keys:
        raise UserError(
            f'{checkpoint} does not fit the segmentor of {cfg.filename}: missing {mismatch.missing_keys[:3]}, '
            f'unexpected {mismatch.unexpected_keys[:3]}; give the checkpoint of this config'
        )
    plain, ours = _plain(segmentor)
    preprocessor = _preprocessor(model.data_preprocessor, domain, _reads_rgb(cfg))
    exported = Config(dict(default_scope='mmseg', model=dict(plain, data_preprocessor=preprocessor)))
    if ours:
        exported.custom_imports = dict(imports=['mmuda.models'], allow_failed_imports=False)
    buffer = io.BytesIO()
    torch.save(dict(state_dict=weights, meta=_meta(cfg)), buffer)
    folder = Path(out_dir)
    write_atomically(exported.pretty_text.encode(), folder / CONFIG)
    write_atomically(buffer.getvalue(), folder / WEIGHTS)
    return folder / CONFIG, folder / WEIGHTS


def _segmentor_state(state: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The segmentor's entries without their prefix; a plain checkpoint has none."""
    if not any(name.startswith(prefix) for name in state):
        return dict(state)
    return {name.removeprefix(prefix): tensor for name, tensor in state.items() if name.startswith(prefix)}


def _plain(cfg):
    """A config of parts by their full names, without what is only for the start of training; whether some are ours."""
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


def _preprocessor(preprocessor, domain: str, reads_rgb: bool) -> dict:
    own = preprocessor.streams.get(domain, preprocessor.default)
    return dict(
        type='SegDataPreProcessor',
        mean=list(own['mean']),
        std=list(own['std']),
        # mmseg loads BGR.
        bgr_to_rgb=reads_rgb != own['bgr_to_rgb'],
        pad_val=0,
        seg_pad_val=255,
    )


def _reads_rgb(cfg: Config) -> bool:
    """Whether the config's data are rasters, read as RGB; mmseg's own loading gives BGR."""
    loaders = [cfg.get(key) or {} for key in ('test_dataloader', 'val_dataloader', 'train_dataloader')]
    return 'LoadImageFromFile' not in str([loader.get('dataset') for loader in loaders])


def _meta(cfg: Config) -> dict:
    """What mmseg's inferencers want to know of the classes, where the config tells it."""
    dataset = (cfg.get('test_dataloader') or {}).get('dataset') or {}
    cls = DATASETS.get(dataset['type']) if dataset.get('type') else None
    metainfo = {**(getattr(cls, 'METAINFO', None) or {}), **(dataset.get('metainfo') or {})}
    return dict(dataset_meta={key: metainfo[key] for key in ('classes', 'palette') if key in metainfo})
