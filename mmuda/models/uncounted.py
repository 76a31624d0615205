"""Finds what a model's config leaves to be counted: classes in the data, channels of what a network reads."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from mmengine.registry import Registry
from mmseg.models.decode_heads.decode_head import BaseDecodeHead

from mmuda.checkpoints.bands import COLOURS
from mmuda.registry import MODELS, TERMS
from mmuda.utils.errors import UserError
from mmuda.utils.signatures import arguments_of, default_of

HEADS = ('decode_head', 'auxiliary_head', 'attention_head')


class Channels(NamedTuple):
    """An argument that is a number of channels.

    Attributes:
        owner: The dict of the config that holds the argument.
        cls: The class that takes it.
        argument: Its name.
        sources: Addresses ``'view:tap'`` of the taps with this number of channels, or the number itself.
    """

    owner: Mapping
    cls: type
    argument: str
    sources: tuple[str, ...] | int


def class_of(cfg: Mapping, registry: Registry = MODELS) -> type | None:
    """The class that a config names; None if there is none."""
    kind = cfg.get('type')
    found = registry.get(kind) if isinstance(kind, str) else kind
    return found if inspect.isclass(found) else None


def heads_in(model: Mapping) -> dict[str, Mapping]:
    """Configs of the heads that take the number of classes, by dotted key.

    Args:
        model: Config of a wrapper with a ``segmentor``, or of a segmentor.
    """
    inside = isinstance(model.get('segmentor'), Mapping)
    segmentor, path = (model['segmentor'], 'model.segmentor') if inside else (model, 'model')
    return {
        place: cfg for name in HEADS for place, cfg in _heads(segmentor.get(name), f'{path}.{name}', outermost=True)
    }


def _heads(value, path: str, outermost: bool = False) -> Iterator[tuple[str, Mapping]]:
    """Heads at a key and inside its value, e.g. of a :class:`SummedHead`."""
    if isinstance(value, list | tuple):
        for index, one in enumerate(value):
            yield from _heads(one, f'{path}.{index}', outermost)
    if not isinstance(value, Mapping):
        return
    cls = class_of(value)
    if cls is not None and (outermost or issubclass(cls, BaseDecodeHead)) and _takes_classes(cls):
        yield path, value
    for name, child in value.items():
        yield from _heads(child, f'{path}.{name}')


def _takes_classes(cls: type) -> bool:
    arguments = arguments_of(cls)
    return 'num_classes' in arguments.names or (issubclass(cls, BaseDecodeHead) and not arguments.closed)


def takes_out_channels(head: Mapping) -> bool:
    """Whether a head's ``out_channels`` are those of its logits, and can be given."""
    cls = class_of(head)
    return issubclass(cls, BaseDecodeHead) and 'out_channels' in arguments_of(cls).names


def channels_in(model: Mapping) -> dict[str, Channels]:
    """Channel-count arguments of a model and its terms, by dotted key, whether given or not.

    Args:
        model: Config of a wrapper or a segmentor.
    """
    terms = model.get('terms') or {}
    parts = {'model': (model, MODELS), **{f'model.terms.{name}': (cfg, TERMS) for name, cfg in terms.items()}}
    found = {}
    for path, (cfg, registry) in parts.items():
        cls = class_of(cfg, registry) if cfg else None
        for key, sources in getattr(cls, 'channels_from', lambda _: {})(cfg).items():
            *within, argument = key.split('.')
            owner, owning = cfg, cls
            for name in within:
                owner = owner.get(name) if isinstance(owner, Mapping) else None
                owning = class_of(owner) if isinstance(owner, Mapping) else None
            if owning is not None and argument in arguments_of(owning).names:
                sources = (sources,) if isinstance(sources, str) else sources
                found[f'{path}.{key}'] = Channels(owner, owning, argument, sources)
    return found


def of_image_in(model: Mapping) -> list[tuple[Mapping, str]]:
    """Arguments for the bands of images that a config leaves out: ``in_channels`` of networks that read images, and
    ``out_channels`` of those that draw them.

    They are those that are three by default: of backbones, encoders, generators, a super-resolution head.
    Discriminators are counted by :func:`channels_in`.

    Args:
        model: Config of a wrapper or a segmentor.

    Returns:
        Pairs of a network's config and the argument's name.
    """
    return list(_of_image(model))


def _of_image(cfg: Mapping) -> Iterator[tuple[Mapping, str]]:
    cls = class_of(cfg) if 'type' in cfg else None
    for argument in ('in_channels', 'out_channels') if cls is not None else ():
        if cfg.get(argument) is None and default_of(cls, argument) == COLOURS:
            yield cfg, argument
    for name, child in cfg.items():
        for one in child if isinstance(child, list | tuple) else [child]:
            if isinstance(one, Mapping) and name != 'discriminator':
                yield from _of_image(one)


def refuse_uncounted(model: Mapping) -> None:
    """Refuse to build a model whose config does not give the number of classes or channels.

    Args:
        model: Config of a wrapper.

    Raises:
        UserError: Naming what is missing and what fills it in.
    """
    missing = [f'{path}.num_classes' for path, head in heads_in(model).items() if head.get('num_classes') is None]
    missing += [
        place
        for place, found in channels_in(model).items()
        if found.owner.get(found.argument) is None and default_of(found.cls, found.argument) is inspect.Parameter.empty
    ]
    if missing:
        raise UserError(
            f'{", ".join(missing)}: not given; mmuda.apis.prepare(cfg) counts classes and channels and writes them '
            'into the config'
        )
