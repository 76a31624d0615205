"""What an export starts from: a trained segmentor with its model card."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mmengine.config import Config
from torch import nn

from mmuda.apis.card_model import is_model_file
from mmuda.apis.class_checks import configured_classes
from mmuda.apis.config import load_config
from mmuda.apis.inference import init_model, predicting_network
from mmuda.checkpoints.card import card_from_text, card_of
from mmuda.checkpoints.card_file import read_model_file
from mmuda.checkpoints.weights import resolve_weights
from mmuda.engine.model_card import make_card, statistics_of
from mmuda.utils.errors import UserError

# What the card of a run says and its config does not.
OF_RUN = ('iteration', 'validation', 'selection', 'adapted', 'versions', 'data', 'method')


@dataclass(frozen=True)
class TrainedSegmentor:
    """A trained segmentor on the CPU, in evaluation mode.

    Attributes:
        network: The segmentor alone; the teacher if it predicts.
        card: Its model card, which predicts with these weights alone and with the statistics of the chosen domain.
        cfg: Prepared config of the whole model.
        checkpoint: Path of the file.
    """

    network: nn.Module
    card: dict
    cfg: Config
    checkpoint: str


def trained_segmentor(
    checkpoint: str | os.PathLike,
    config: str | os.PathLike | Config | None = None,
    domain: str | None = None,
    plugin: str | Sequence[str] | None = None,
) -> TrainedSegmentor:
    """Read a trained segmentor and its card.

    Args:
        checkpoint: Path or URL; with a model card, or of the config.
        config: Its config; None builds from the card.
        domain: Domain whose statistics normalise the images; None takes those of a test.
        plugin: As :func:`mmuda.apis.init_model`.

    Raises:
        UserError: There is neither card nor config, or they do not fit; or the classes are not known.
    """
    path = resolve_weights(checkpoint)
    if config is None and not is_model_file(path):
        raise UserError(f'{path} is no file of weights by its suffix; give a .pth or .safetensors file, or its config')
    cfg = config if isinstance(config, Config) or config is None else load_config(config)
    if cfg is None:
        model = init_model(path, device='cpu', plugin=plugin)
    else:
        model = init_model(cfg, path, device='cpu')
    loaded = read_model_file(path)
    card = card_of(loaded, path) if cfg is None else _card_of_config(model, cfg, loaded, path)
    card = dict(card, predicts_with='model' if card['predicts_with'] == 'model' else 'segmentor')
    return TrainedSegmentor(predicting_network(model), _of_domain(card, model, domain), model.cfg, str(path))


def _card_of_config(model, cfg: Config, loaded: Mapping, path: str) -> dict:
    """A new card by the config; what only the run knew is taken from the file's own, if it has one."""
    classes = configured_classes((model.cfg.get('test_dataloader') or {}).get('dataset'))
    meta = model.dataset_meta if model.dataset_meta.get('classes') else dict(classes=classes)
    text = make_card(model.cfg, meta, training=cfg)
    if text is None:
        raise UserError(
            f'{path}: neither the checkpoint nor the test set of {cfg.filename} names the classes, or the model is no '
            'segmentor; give metainfo=dict(classes=...) of test_dataloader.dataset'
        )
    own = card_of(loaded, path) or {}
    return card_from_text(text, path) | {key: own[key] for key in OF_RUN if key in own}


def _of_domain(card: Mapping, model: nn.Module, domain: str | None) -> dict:
    if domain is None or domain == card['input']['domain']:
        return dict(card)
    known = getattr(model.data_preprocessor, 'streams', {})
    if known and domain not in known:
        raise UserError(
            f'--domain {domain}: the data preprocessor has statistics of {", ".join(known)} and a default; give one of '
            'these, or leave --domain out'
        )
    mean, std, _ = statistics_of(model.data_preprocessor, domain)
    preprocessor = card['preprocessor']
    if hasattr(model.data_preprocessor, 'default_domain'):
        preprocessor = dict(preprocessor, default_domain=domain)
    given = dict(card['input'], mean=mean, std=std, domain=domain)
    return dict(card, input=given, preprocessor=preprocessor)
