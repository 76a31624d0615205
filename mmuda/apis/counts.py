"""Determines numbers of classes and channels that a config leaves out."""

from __future__ import annotations

import warnings
from collections.abc import Mapping

import torch
import torch.nn.functional as F
from mmengine.config import Config
from mmengine.logging import print_log
from mmseg.structures import SegDataSample
from torch import nn
from torch.overrides import TorchFunctionMode

from mmuda.apis.class_checks import DEFAULT_BANDS, configured_classes
from mmuda.checkpoints.bands import values_for_bands
from mmuda.datasets.raster.unread import reads_rasters, unread_dataset
from mmuda.models.adapters import build_adapter
from mmuda.models.data_preprocessor import UDADataPreprocessor
from mmuda.models.terms import RegionAggregation, SupervisedTerm
from mmuda.models.uncounted import channels_in, class_of, heads_in, of_image_in, takes_out_channels
from mmuda.models.wrappers import DEFAULT_TERMS, PlanExecutor, check_channels
from mmuda.registry import MODELS, TERMS
from mmuda.utils.errors import UserError
from mmuda.utils.seeds import seeded
from mmuda.utils.signatures import default_of

SUPERVISING = (SupervisedTerm, RegionAggregation)
IMAGE_TAPS = ('image', 'fine_image')
CROPS = ('crop_size', 'coarse_size', 'size')
SIDE = 512  # pixels of the image to forward if the crop is unknown; it takes no memory


def fill_counts(cfg: Config) -> None:
    """Write the numbers that follow from the data into a config's model.

    These are ``num_classes`` and ``out_channels`` of heads, and arguments for the channels of a term's input
    (:meth:`mmuda.models.terms.Term.channels_from`), if the config does not give them. If the images do not have three
    bands, they are also the channels of networks that read or draw images, and statistics of the data preprocessor for
    each band.

    Args:
        cfg: Changed in place.

    Raises:
        UserError: A missing number cannot be determined, or a given number of channels is wrong.
    """
    model = cfg.get('model')
    if not isinstance(model, Mapping):
        return
    _fill_classes(cfg, model)
    _fill_bands(cfg, model)
    _fill_channels(cfg, model)


def _fill_classes(cfg: Config, model: Mapping) -> None:
    heads = heads_in(model)
    missing = [path for path, head in heads.items() if head.get('num_classes') is None]
    classes = supervised_classes(cfg) if missing else ()
    if missing and not classes:
        raise UserError(
            f'{", ".join(missing)} of config {cfg.filename}: num_classes is not given, and no dataset of the config '
            'names its classes; give num_classes, or metainfo=dict(classes=...) of the dataset'
        )
    for path, head in heads.items():
        if path in missing:
            head['num_classes'] = len(classes)
        # Setting it keeps mmseg from advising one channel for two classes.
        if head.get('out_channels') is None and takes_out_channels(head):
            head['out_channels'] = head['num_classes']


def supervised_classes(cfg: Config) -> tuple[str, ...]:
    """Names of the classes in the training labels; else in those of the validation, else of the test."""
    # A view has the classes of the source (or of the only target), like all streams of a training.
    training = (cfg.get('train_dataloader') or {}).get('dataset') or {}
    leading = 'source' if training.get('source') else 'target'
    streams = [training.get(name) for name in (*supervised_streams(cfg.get('model') or {})[:1], leading)]
    evaluated = [(cfg.get(f'{split}_dataloader') or {}).get('dataset') for split in ('val', 'test')]
    return next(filter(None, map(configured_classes, [*streams, training, *evaluated])), ())


def supervised_streams(model: Mapping) -> list[str]:
    """Streams and views from whose labels the terms of a model learn: of the term ``supervised`` first, if it is given.

    Args:
        model: Config of a :class:`mmuda.models.DomainAdaptation`. Its default terms come last.
    """
    given = model.get('terms') or {}
    terms = {name: cfg for name, cfg in given.items() if cfg}
    kinds = {name: class_of(cfg, TERMS) for name, cfg in terms.items()}
    found = [name for name, cls in kinds.items() if name == 'supervised' or (cls and issubclass(cls, SUPERVISING))]
    views = [terms[name].get('view', 'source') for name in sorted(found, key=lambda name: name != 'supervised')]
    return views + [cfg.get('view', 'source') for name, cfg in DEFAULT_TERMS.items() if name not in given]


def _fill_bands(cfg: Config, model: Mapping) -> None:
    _fill_statistics(cfg, model)
    bands = image_channels(cfg)
    if bands != DEFAULT_BANDS:
        for network, argument in of_image_in(model):
            network[argument] = bands


def _fill_statistics(cfg: Config, model: Mapping) -> None:
    """Give the data preprocessor statistics of all bands that are read, where the config has those of three."""
    bands = _bands_read(cfg, 'source')
    if bands in (None, DEFAULT_BANDS):
        return
    holder = model if model.get('data_preprocessor') or not cfg.get('data_preprocessor') else cfg
    own = holder.get('data_preprocessor')
    if own is None and isinstance(class_of(model), type) and issubclass(class_of(model), PlanExecutor):
        own = holder['data_preprocessor'] = dict(type='UDADataPreprocessor')
    if own is None or not issubclass(class_of(own) or object, UDADataPreprocessor):
        return
    for key in ('mean', 'std'):
        own.setdefault(key, default_of(UDADataPreprocessor, key))
    for stream in (own, *(own.get('streams') or {}).values()):
        short = [key for key in ('mean', 'std') if len(stream.get(key) or ()) == DEFAULT_BANDS]
        stream.update({key: values_for_bands(stream[key], bands) for key in short})
        if short:
            now = ', '.join(f'{key}={stream[key]}' for key in short)
            print_log(f'data_preprocessor: statistics of three bands become those of {bands}: {now}', logger='current')


def _fill_channels(cfg: Config, model: Mapping) -> None:
    wanted = channels_in(model)
    addresses = {
        address for found in wanted.values() if not isinstance(found.sources, int) for address in found.sources
    }
    counts, problem = _count_channels(cfg, model, addresses)
    for place, (owner, _, argument, sources) in wanted.items():
        known = {'': sources} if isinstance(sources, int) else {one: counts[one] for one in sources if one in counts}
        if owner.get(argument) is None:
            if not known:
                raise UserError(
                    f'{place} is not given, and the channels of {sources[0]!r} cannot be counted ({problem}); give it'
                )
            owner[argument] = next(iter(known.values()))
        for source, found in known.items():
            if found != owner[argument]:
                what = f'the tap {source!r} that it reads, which has' if source else 'what it reads, which has'
                raise UserError(
                    f'{place}={owner[argument]} does not fit {what} {found} channels; set {argument}={found} or leave '
                    'it out'
                )


def _count_channels(cfg: Config, model: Mapping, addresses: set[str]) -> tuple[dict[str, int], str]:
    """Channels by address where they can be determined, and the reason for the others."""
    counts, of_segmentor = {}, {}
    for address in sorted(addresses):
        view, _, tap = address.partition(':')
        if tap in IMAGE_TAPS:
            counts[address] = image_channels(cfg, view)
        else:
            of_segmentor[address] = tap
    if not of_segmentor:
        return counts, ''
    problem = ''
    try:
        outputs = forward_on_meta(cfg, model, set(of_segmentor.values()))
        for address, tap in of_segmentor.items():
            counts[address] = outputs.tap(tap).shape[1]
    except Exception as error:  # noqa: BLE001  a network may read values, which meta tensors lack; a run reports it
        problem = (str(error).splitlines() or [type(error).__name__])[0]
    return counts, problem


def image_channels(cfg: Config, view: str = 'source') -> int:
    """Channels of the images of a stream: the length of their statistics, else the number of bands read."""
    preprocessor = cfg.model.get('data_preprocessor') or cfg.get('data_preprocessor') or {}
    own = (preprocessor.get('streams') or {}).get(view) or {}
    mean = own.get('mean') or preprocessor.get('mean')
    if mean:
        return len(mean)
    return _bands_read(cfg, view) or DEFAULT_BANDS


def _bands_read(cfg: Config, view: str) -> int | None:
    """Number of bands that the dataset of a stream reads; None if that depends on its files."""
    dataset = _training_images(cfg, view)
    while isinstance(dataset.get('dataset'), Mapping):  # patches of rasters, or a repeated dataset
        dataset = dataset['dataset']
    if not reads_rasters(dataset):
        return None
    # Translated images are read whole, and hold the bands that were chosen when they were made.
    bands = unread_dataset({**dataset, 'translated_images': None}).bands
    return len(bands) if bands else None


def _training_images(cfg: Config, view: str) -> Mapping:
    """Config of the dataset of a stream, or of the training's only dataset."""
    dataset = (cfg.get('train_dataloader') or {}).get('dataset') or {}
    return next(filter(None, map(dataset.get, (view, 'source', 'target'))), dataset)


def _input_size(cfg: Config) -> tuple[int, int]:
    """Height and width of the training images in pixels, if the config shows them."""
    dataset = _training_images(cfg, 'source')
    for step in (dataset, *(dataset.get('pipeline') or ())):
        size = next((step[key] for key in CROPS if step.get(key)), None) if isinstance(step, Mapping) else None
        if isinstance(size, int):
            return size, size
        if isinstance(size, list | tuple) and len(size) == 2:
            return tuple(size)
    return SIDE, SIDE


# They change no shape; on the meta device torch loads its compiler for them, which takes a second.
SAME_SHAPE = {torch.Tensor.normal_, torch.Tensor.uniform_, torch.Tensor.fill_, torch.Tensor.zero_}
SAME_SHAPE |= {F.batch_norm, F.hardtanh}


class _OnMeta(TorchFunctionMode):
    """Skips :data:`SAME_SHAPE`; keeps ``torch.linspace`` on the CPU, since constructors read rates from its values."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if func in SAME_SHAPE and args and args[0].is_meta:
            return args[0]
        return func(*args, **({'device': 'cpu'} | kwargs if func is torch.linspace else kwargs))


def build_on_meta(cfg: Mapping) -> nn.Module:
    """Build a model on the meta device: it has shapes but no values, and no weight file is read."""
    with seeded(0), torch.device('meta'), _OnMeta():
        return MODELS.build(cfg).to('meta')


def forward_on_meta(cfg: Config, model: Mapping, taps: set[str]):
    """The taps of one forward of the segmentor on the meta device."""
    with warnings.catch_warnings(), torch.no_grad(), torch.device('meta'), _OnMeta():
        warnings.simplefilter('ignore')  # they appear again when the real model is built
        segmentor = build_on_meta(model['segmentor']).eval()
        images = torch.zeros(2, image_channels(cfg), *_input_size(cfg))
        batch = dict(inputs=images, data_samples=[SegDataSample() for _ in images], fine_image=images)
        try:
            return build_adapter(segmentor, model.get('adapter')).forward(segmentor, 'source', batch, taps)
        except RuntimeError:
            check_channels(nn.ModuleDict(dict(segmentor=segmentor)), images.shape[1])  # may explain the mismatch
            raise
