"""Loads a trained model and predicts images, samples and rasters of any size."""

from __future__ import annotations

import copy
import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmseg.structures import SegDataSample
from torch import nn

from mmuda.apis.card_model import config_of_model_file, is_model_file
from mmuda.apis.class_checks import configured_classes
from mmuda.apis.config import load_config
from mmuda.apis.map_network import predict_samples
from mmuda.apis.mapping import write_maps
from mmuda.apis.prediction import MapOptions, prediction_of
from mmuda.apis.prepare import prepare
from mmuda.apis.window_pipeline import WindowPipeline
from mmuda.checkpoints.card_file import read_model_file
from mmuda.checkpoints.mmseg0 import dataset_meta_of
from mmuda.checkpoints.reading import adapt_state_dict, refuse_not_finite, state_dict_of
from mmuda.checkpoints.weights import resolve_weights
from mmuda.engine.trained_classes import check_trained_classes
from mmuda.models.segmentors import SuperResolutionSegmentor
from mmuda.registry import MODELS
from mmuda.utils.errors import UserError


def init_model(
    config: str | os.PathLike | Config,
    checkpoint: str | os.PathLike | None = None,
    device: str | None = None,
    plugin: str | Sequence[str] | None = None,
) -> nn.Module:
    """Build the model of a config for prediction and load a checkpoint into it.

    For a :class:`~mmuda.models.DomainAdaptation`, only the segmentor (and a teacher that predicts) is built. Weights
    that only losses need, e.g. VGG-16, are not loaded.

    Args:
        config: Config file or a loaded config. The checkpoint may stand in its place: ``init_model('best.pth')`` builds
            the model from the model card inside.
        checkpoint: Path or URL of a checkpoint, or of a ``.safetensors`` file; parameter names of a plain mmseg
            checkpoint are mapped as for ``load_from``. None keeps the initial weights.
        device: E.g. ``'cpu'`` or ``'cuda:0'``; None takes a GPU if there is one.
        plugin: Modules that a model card may import; it names them. Not used with a config, which imports its own.

    Returns:
        The model in evaluation mode; ``model.cfg`` is the config, ``model.dataset_meta`` has ``classes`` and
        ``palette`` if the checkpoint holds them.

    Raises:
        FileNotFoundError: If config or checkpoint does not exist.
        UserError: If the checkpoint is damaged, does not fit, or holds weights that are not finite; or if there is no
            config and the checkpoint has no model card, or one that needs a plugin which is not given.
    """
    place = _device(device)
    loaded = None
    if checkpoint is None and is_model_file(config):
        checkpoint = config
        loaded = read_model_file(resolve_weights(checkpoint))
        cfg = config_of_model_file(loaded, checkpoint, plugin)
    else:
        cfg = config if isinstance(config, Config) else load_config(config)
        cfg = prepare(_for_prediction(cfg))
    if checkpoint is not None and loaded is None:
        loaded = read_model_file(resolve_weights(checkpoint))
    model = MODELS.build(cfg.model)
    model.dataset_meta = {}
    if loaded is not None:
        refuse_not_finite(state_dict_of(loaded), checkpoint)
        tested = (cfg.get('test_dataloader') or cfg.get('val_dataloader') or {}).get('dataset')
        check_trained_classes(loaded, configured_classes(tested), 'the test set of the config', str(checkpoint))
        state = adapt_state_dict(state_dict_of(loaded), model.state_dict(), resume=False, skip=cfg.get('load_skip', ()))
        model.load_state_dict(state)
        model.dataset_meta = dataset_meta_of(loaded, checkpoint)
    model.cfg = cfg
    model.to(place)
    return model.eval()


def _device(name: str | None) -> torch.device:
    if name is None:
        return torch.device('cuda' if torch.cuda.is_available() else 'cpu')
    try:
        torch.zeros(1, device=name)
        return torch.device(name)
    except (RuntimeError, AssertionError) as error:  # torch has no kind of its own for a device that is not there
        reason = str(error).splitlines()[0]
        raise UserError(f'device {name!r} cannot be used ({reason}); give cpu, or a GPU as cuda:0') from error


def _for_prediction(cfg: Config) -> Config:
    """The config, with its model stripped of the parts that only training needs."""
    if 'segmentor' not in cfg.model:
        return cfg
    cfg = copy.deepcopy(cfg)
    cfg.model.update(terms=None, views=None, plan=None)
    return cfg


def segmentor_of(model: nn.Module) -> nn.Module:
    """The segmentor inside a model of :func:`init_model`; the model itself if it is one."""
    return getattr(model, 'segmentor', model)


def predicting_network(model: nn.Module) -> nn.Module:
    """What a model of :func:`init_model` predicts with: the teacher if it does, else the segmentor."""
    return model.teacher_network if getattr(model, 'evaluate_teacher', False) else segmentor_of(model)


def inference_model(model: nn.Module, image: np.ndarray | Mapping, gsd: float | None = None) -> SegDataSample:
    """Predict one image.

    Args:
        model: Of :func:`init_model`.
        image: An array (H, W, C) in the value range that the config's datasets give (uint8), in the order of the file
            (red, green, blue), or a sample of a dataset (``inputs``, ``data_samples``) as its test pipeline made it.
        gsd: Metres per pixel of an array; required if the config's test pipeline resamples.

    Returns:
        The sample with ``pred_sem_seg`` (1, H, W) and ``seg_logits`` (classes, H, W) on the image's own grid.

    Raises:
        UserError: If the ground sample distance is needed and unknown.
    """
    if not isinstance(image, Mapping):
        pipeline = WindowPipeline(model.cfg)
        pipeline.check_gsd(gsd, 'an image', 'inference_model')
        image = pipeline.of_array(image, gsd)
    return predict_samples(model, [image])[0]


def super_resolve(model: nn.Module, sample: Mapping, size: tuple[int, int]) -> np.ndarray:
    """The super-resolved image of a sample.

    Args:
        model: Of :func:`init_model`, with a :class:`SuperResolutionSegmentor`.
        sample: A sample with ``inputs`` and ``data_samples``.
        size: Height and width in pixels of the result.

    Returns:
        (H, W, C) uint8, with the bands of the image.

    Raises:
        UserError: If the segmentor does not super-resolve.
    """
    segmentor = segmentor_of(model)
    if not isinstance(segmentor, SuperResolutionSegmentor):
        raise UserError(f'{type(segmentor).__name__} does not super-resolve; use a SuperResolutionSegmentor')
    with torch.no_grad():
        inputs = model.data_preprocessor(pseudo_collate([dict(sample)]))['inputs']
        image = segmentor.super_resolve(segmentor.sr_features(segmentor.extract_feat(inputs)), size)[0]
    return ((image.clamp(-1, 1) + 1) * 127.5).round().byte().permute(1, 2, 0).cpu().numpy()


def predict_raster(
    model: nn.Module,
    in_path: str | os.PathLike,
    out_path: str | os.PathLike,
    gsd: float | None = None,
    tile: int | None = None,
    margin: int | None = None,
    report: Callable[[str], None] | None = None,
    **options,
) -> Path:
    """Predict a raster of any size and write the classes as a Cloud Optimized GeoTIFF on the raster's own grid.

    Windows overlap, and their logits are blended: the weight of a window rises smoothly from ``margin`` pixels behind
    its border, where the network sees no surroundings. One row of windows of the result and a few windows of the image
    are held in memory. Finished rows are kept beside the file until it is complete, so that an interrupted prediction
    goes on where it stopped, and gives the same map. Processes started by torchrun share the work.

    Args:
        model: Of :func:`init_model`; its config's test pipeline resamples to the ground sample distance that the
            segmentor was trained at.
        in_path: Raster that rasterio reads.
        out_path: GeoTIFF to write: one uint8 band with a colour table, 255 where the raster has no data. Names of the
            classes are in a file beside it (``.aux.xml``), as GDAL has them, QGIS's legend in another (``.qml``).
        gsd: Metres per pixel of the raster. None uses the nominal value of the config's test set, as a test does, else
            the georeference.
        tile: Size of the windows in pixels; None uses the tile of the config's test set, else 512.
        margin: Pixels discarded at the border of a window; None is an eighth of the overlap.
        report: Called with one line per minute and one at the end; None reports nothing.
        **options: Attributes of :class:`mmuda.apis.prediction.MapOptions`: overlap, views to average, further files
            (``<name>_confidence.tif``, ``<name>_probabilities.tif``), batch size.

    Returns:
        ``out_path``.

    Raises:
        FileNotFoundError: If there is no such raster.
        UserError: If it cannot be predicted by this config, or an argument is wrong.
    """
    job = prediction_of(model, in_path, gsd, tile, margin, MapOptions(**options))
    for note in job.notes:
        (report or warnings.warn)(note)
    return write_maps(model, job, out_path, report)
