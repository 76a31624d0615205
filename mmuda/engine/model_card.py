"""Makes the model card of a run: everything that a prediction with its weights needs, and where they come from."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

from mmseg.models import SegDataPreProcessor

from mmuda.checkpoints.card import CARD, card_text
from mmuda.checkpoints.card_config import fault_of, plain_config, types_in
from mmuda.checkpoints.mmseg0 import dataset_meta_of
from mmuda.checkpoints.run_record import plain
from mmuda.datasets.raster.unread import reads_rasters, unread_dataset
from mmuda.engine.card_origin import bands_of_files, data_of, method_of, progress, versions
from mmuda.models.data_preprocessor import UDADataPreprocessor
from mmuda.registry import MODELS, TRANSFORMS, with_parents
from mmuda.utils.errors import describe

OF_LIBRARIES = ('mmuda', 'mmseg', 'mmcv', 'mmengine', 'torch')
UNNAMED = 'unnamed'


def put_card(runner, checkpoint: dict) -> None:
    """Write the model card of a run into a checkpoint that is about to be saved.

    A model that is no segmentor (CycleGAN, a masked autoencoder) has none. A card that cannot be made stops no run.

    Args:
        runner: With the prepared config.
        checkpoint: With ``meta``; changed in place.
    """
    meta = checkpoint.setdefault('meta', {})
    text = card_if_possible(
        runner.logger.warning,
        runner.cfg,
        dataset_meta_of(checkpoint),
        names_of_bands=bands_of_files(runner),
        **progress(runner, meta.get('iter')),
    )
    if text is not None:
        meta[CARD] = text


def card_if_possible(report: Callable[[str], None], *args, **kwargs) -> str | None:
    """As :func:`make_card`, but what goes wrong is reported, and the card is None.

    Args:
        report: Called with one line.
        *args: As :func:`make_card`.
        **kwargs: Likewise.
    """
    try:
        return make_card(*args, **kwargs)
    except Exception as error:  # noqa: BLE001  hours of training count more than a card, whatever a plugin's part does
        report(f'the checkpoint gets no model card: {describe(error)}')
        return None


def make_card(
    cfg: Mapping,
    dataset_meta: Mapping,
    training: Mapping | None = None,
    names_of_bands: Mapping[int, str] | None = None,
    iteration: int | None = None,
    validation: Mapping | None = None,
    selection: str = 'not known',
) -> str | None:
    """The model card of a prepared config.

    Args:
        cfg: Config from :func:`mmuda.apis.prepare`.
        dataset_meta: ``classes`` and ``palette`` of the training; the test set's palette is taken where it has none.
        training: The config with the terms and views of the training; None if ``cfg`` has them.
        names_of_bands: Names by number, if the files are known.
        iteration: Iterations that the weights were trained for.
        validation: Its metrics, ``iteration``, and whether they are ``of_these_weights``.
        selection: How the weights were chosen among those of the run.

    Returns:
        The card's text (:func:`mmuda.checkpoints.card.card_from_text`); None if the model is no segmentor, or the
        classes are not known.

    Raises:
        UserError: A value is out of what cards hold.
    """
    model = cfg['model']
    own = model.get('segmentor') or model
    if not dataset_meta.get('classes') or 'decode_head' not in own:
        return None
    preprocessor = model.get('data_preprocessor') or cfg.get('data_preprocessor')
    given = _input_of(cfg, preprocessor, names_of_bands or {})
    parts, incomplete = _parts_of(cfg, own, preprocessor)
    teacher = (model.get('ema') or {}).get('evaluate', False)
    predicts_with = 'model' if own is model else 'teacher' if teacher else 'segmentor'
    return card_text(
        dict(
            name=_name_of(cfg),
            classes=list(dataset_meta['classes']),
            palette=_palette(dataset_meta, _tested(cfg)),
            input=given,
            **parts,
            predicts_with=predicts_with,
            incomplete=incomplete,
            plugins=_plugins(cfg, parts),
            versions=versions(),
            data=data_of(cfg),
            method=method_of(training or cfg),
            iteration=iteration,
            validation=validation and plain(validation),
            selection=selection,
            adapted=None,
        )
    )


def _parts_of(cfg: Mapping, segmentor: Mapping, preprocessor: Mapping | None) -> tuple[dict, str | None]:
    """The configs of the card, and why there are none if they hold more than plain data."""
    adapter, nothing = cfg['model'].get('adapter'), dict(segmentor=None, preprocessor=None, adapter=None, pipeline=[])
    configs = dict(segmentor=segmentor, preprocessor=preprocessor, adapter=adapter, pipeline=_pipeline_of(cfg))
    try:
        parts = {key: plain_config(value, key) for key, value in configs.items()}
    except ValueError as error:
        return nothing, str(error)
    fault = next(filter(None, (fault_of(value, key) for key, value in parts.items())), None)
    if fault is not None:
        return nothing, f'the config has {fault}'
    parts['segmentor'].pop('data_preprocessor', None)
    parts['preprocessor'] = parts['preprocessor'] or dict(type='UDADataPreprocessor')
    return parts, None


def _tested(cfg: Mapping) -> Mapping:
    return (cfg.get('test_dataloader') or cfg.get('val_dataloader') or {}).get('dataset') or {}


def _pipeline_of(cfg: Mapping) -> list:
    return list(_tested(cfg).get('pipeline') or ())


def _name_of(cfg: Mapping) -> str:
    """Name of the config, else of its model."""
    stem = Path(getattr(cfg, 'filename', None) or cfg['model'].get('type') or UNNAMED).stem
    return re.sub(r'[^\w.+-]+', '_', stem).strip('.-')[:200] or UNNAMED


def _input_of(cfg: Mapping, preprocessor: Mapping | None, names: Mapping[int, str]) -> dict:
    built = MODELS.build(preprocessor or dict(type='UDADataPreprocessor'))
    dataset = unread_dataset(_tested(cfg)) if reads_rasters(_tested(cfg)) else None
    domain = dataset.domain if dataset is not None else None
    mean, std, is_reversed = statistics_of(built, domain)
    bands = None if dataset is None or dataset.bands is None else [int(band) for band in dataset.bands]
    known = [names.get(band) or f'band {band}' for band in bands or ()]
    value_range = None if dataset is None or dataset.value_range is None else plain(dataset.value_range)
    return dict(
        bands=bands,
        band_names=known or None,
        value_range=value_range,
        mean=mean,
        std=std,
        reversed=is_reversed,
        domain=domain or getattr(built, 'default_domain', None),
        gsd=_gsd_of(cfg, dataset),
        raster_gsd=None if dataset is None else dataset.gsd,
        tile=None if dataset is None or dataset.tile is None else int(min(dataset.tile)),
    )


def statistics_of(preprocessor, domain: str | None) -> tuple[list[float], list[float], bool]:
    """Statistics of images by the order of their bands.

    Args:
        preprocessor: Built, of :class:`UDADataPreprocessor` or mmseg's ``SegDataPreProcessor``.
        domain: Whose statistics; None takes those of a test.

    Returns:
        Mean and standard deviation of each band (of values from 0 to 255), and whether the network gets the first three
        bands in reverse.
    """
    if isinstance(preprocessor, UDADataPreprocessor):
        own = preprocessor.streams.get(domain or preprocessor.default_domain, preprocessor.default)
        mean, std, is_reversed = own['mean'], own['std'], preprocessor.rgb_to_bgr
    else:  # mmseg's, which loads blue first, and reverses images of three bands whoever loaded them
        is_reversed = isinstance(preprocessor, SegDataPreProcessor) and preprocessor._channel_conversion
        mean, std = (getattr(preprocessor, key, None) for key in ('mean', 'std'))
        mean, std = (
            default if v is None else v.flatten().tolist() for v, default in ((mean, [0.0] * 3), (std, [1.0] * 3))
        )
        is_reversed = bool(is_reversed) and len(mean) == 3
    mean, std = ([float(value) for value in values] for values in (mean, std))
    if is_reversed and len(mean) >= 3:
        mean, std = ([*values[2::-1], *values[3:]] for values in (mean, std))
    return mean, std, is_reversed


def _gsd_of(cfg: Mapping, dataset) -> float | None:
    """Metres per pixel of the images that the network gets, as far as the test pipeline says."""
    own = None if dataset is None else dataset.gsd
    for step in _pipeline_of(cfg):
        if step.get('type') == 'ResampleToGSD':
            return step['gsd'] if step.get('gsd') is not None else own and own * step['ratio']
    return own


def _palette(dataset_meta: Mapping, tested: Mapping) -> list | None:
    classes, palette = dataset_meta['classes'], dataset_meta.get('palette')
    if not palette and reads_rasters(tested):
        metainfo = unread_dataset(tested).metainfo
        palette = metainfo.get('palette') if tuple(metainfo.get('classes') or ()) == tuple(classes) else None
    if not palette or len(palette) < len(classes):
        return None
    return [[int(value) for value in colour] for colour in palette]


def _plugins(cfg: Mapping, parts: Mapping) -> list[str]:
    """Modules of other packages that register types of the card: those that the config imports, else the types' own."""
    imports = (cfg.get('custom_imports') or {}).get('imports') or ()
    imports = [imports] if isinstance(imports, str) else list(imports)
    modules = []
    for key, registry in (('segmentor', MODELS), ('preprocessor', MODELS), ('pipeline', TRANSFORMS)):
        for _, name in types_in(parts[key], key):
            found = _registered(registry, name)
            own = found.__module__ if found is not None else 'torch'
            if own.partition('.')[0] not in OF_LIBRARIES:
                package = own.partition('.')[0]
                modules += [one for one in imports if one.partition('.')[0] == package] or [own]
    return list(dict.fromkeys(modules))


def _registered(registry, name):
    if not isinstance(name, str):
        return None
    bare = name.rpartition('.')[2]
    return next((one.module_dict[bare] for one in with_parents(registry) if bare in one.module_dict), None)
