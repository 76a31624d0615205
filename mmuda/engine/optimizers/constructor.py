"""Builds one optimiser per name in a config, on the parameters that its patterns select."""

from __future__ import annotations

import copy
import logging
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from mmengine.logging import MMLogger, print_log
from mmengine.model import is_model_wrapper
from mmengine.optim import build_optim_wrapper
from torch import nn
from torch.optim import Optimizer

from mmuda.registry import OPTIM_WRAPPER_CONSTRUCTORS
from mmuda.utils.errors import UserError
from mmuda.utils.patterns import select

from .optim_wrappers import NamedOptimWrapperDict
from .repeated_sgd import RepeatedSGD, released_repeats


def restrict(module: nn.Module, names: set[str], prefix: str = '') -> nn.Module:
    """A shallow copy of a module tree that holds only the named parameters.

    Parameters are shared, classes and names are kept, so that mmengine's ``paramwise_cfg`` (norm layers, custom keys)
    works on it as on the whole model.
    """
    part = copy.copy(module)
    part._parameters = {k: p for k, p in module._parameters.items() if p is not None and prefix + k in names}
    children = {k: restrict(m, names, f'{prefix}{k}.') for k, m in module._modules.items() if m is not None}
    part._modules = {k: m for k, m in children.items() if next(m.parameters(), None) is not None}
    return part


def by_network(parameters: Mapping[str, nn.Parameter]) -> dict[str, list[nn.Parameter]]:
    """Parameters by network: a child of the model, or a child of a term (``pixel.discriminator``)."""
    networks: dict[str, list[nn.Parameter]] = {}
    for name, parameter in parameters.items():
        path = name.split('.')
        network = '.'.join(path[1:3]) if path[0] == 'terms' else path[0]
        networks.setdefault(network, []).append(parameter)
    return networks


@OPTIM_WRAPPER_CONSTRUCTORS.register_module()
class NamedOptimWrapperConstructor:
    """Builds one optimiser wrapper per name.

    Args:
        optim_wrapper_cfg: ``{name: dict(params=[patterns], optimizer=..., clip_grad=..., paramwise_cfg=...)}``.
            ``params`` are patterns over parameter names (``'segmentor'``, ``'terms.*.discriminator'``,
            ``'!segmentor.backbone'`` takes away); without it the name itself is the pattern. Two optimisers may own the
            same parameter (DANN's encoder); plan and stage decide which of them steps. Each also takes mmengine's keys.
            A name set to None is left out. ``released_rate=True`` steps each parameter of a backbone as often as the
            released optimisers of the DeepLab-v2 family list it, see :class:`RepeatedSGD`.

    Raises:
        UserError: If an optimiser's patterns match no parameter, a trainable parameter has no optimiser,
            ``paramwise_cfg`` is given next to the optimisers instead of inside one, or ``released_rate`` is set for an
            optimiser other than SGD or one without a backbone.
    """

    # Keys of an optimiser's config that are not the wrapper's arguments.
    OWN_KEYS = ('params', 'released_rate')

    def __init__(self, optim_wrapper_cfg: dict, paramwise_cfg: dict | None = None) -> None:
        if paramwise_cfg is not None:
            raise UserError(
                'optim_wrapper.paramwise_cfg would apply to no optimiser; give it to the optimisers it is meant for, '
                f'e.g. optim_wrapper.{next(iter(optim_wrapper_cfg), "segmentor")}.paramwise_cfg.'
            )
        self.cfgs = {name: dict(cfg) for name, cfg in optim_wrapper_cfg.items() if cfg is not None}
        for name, cfg in self.cfgs.items():
            if 'optimizer' not in cfg:
                raise UserError(f"optim_wrapper.{name} has no 'optimizer'; give e.g. dict(type='Adam', lr=2e-4).")

    def __call__(self, model: nn.Module) -> NamedOptimWrapperDict:
        model = model.module if is_model_wrapper(model) else model
        trainable = {name: p for name, p in model.named_parameters() if p.requires_grad}
        wrappers, owned = {}, set()
        for key, cfg in self.cfgs.items():
            patterns = cfg.pop('params', [key])
            patterns = [patterns] if isinstance(patterns, str) else patterns
            names = select(trainable, patterns, f"optim_wrapper.{key} ('{key}' must own a network)")
            cfg.setdefault('type', 'SyncOptimWrapper')
            repeats = _take_released_rate(key, cfg, {name: trainable[name] for name in names})
            with _without_lines_by_parameter():
                wrapper = build_optim_wrapper(restrict(model, set(names)), cfg)
            if repeats:
                wrapper.optimizer.repeats = repeats
            if hasattr(wrapper, 'set_networks'):
                wrapper.set_networks(key, by_network({name: trainable[name] for name in names}))
            elif hasattr(wrapper, 'grad_name'):
                wrapper.grad_name = f'{key}.grad_norm'
            wrappers[key] = wrapper
            owned |= set(names)
            count = sum(trainable[name].numel() for name in names)
            told = f'Optimiser {key}: {len(names)} tensors, {count:,} parameters by {patterns}'
            print_log(f'{told}{_exceptions(wrapper.optimizer)}', logger='current')
        orphans = sorted(set(trainable) - owned)
        if orphans:
            raise UserError(
                f'{len(orphans)} trainable parameters belong to no optimiser, for example {orphans[:3]}; add a pattern '
                "that picks them to an optimiser's `params`, or freeze them."
            )
        return NamedOptimWrapperDict(**wrappers)


@contextmanager
def _without_lines_by_parameter() -> Iterator[None]:
    """Keep mmengine from logging the options of every single parameter; :func:`_exceptions` sums them up."""
    logger = MMLogger.get_current_instance()

    def wanted(record: logging.LogRecord) -> bool:
        return not str(record.msg).startswith('paramwise_options')

    logger.addFilter(wanted)
    try:
        yield
    finally:
        logger.removeFilter(wanted)


def _exceptions(optimizer: Optimizer) -> str:
    """Rates and decays of parameters that differ from the optimiser's own, e.g. '; weight_decay=0 of 53 tensors'."""
    found = Counter(
        (name, group[name])
        for group in optimizer.param_groups
        for name in ('lr', 'weight_decay')
        for _ in group['params']
        if name in group and group[name] != optimizer.defaults.get(name)
    )
    return ''.join(f'; {name}={value:g} of {count} tensors' for (name, value), count in sorted(found.items()))


def _take_released_rate(key: str, cfg: dict, parameters: Mapping[str, nn.Parameter]) -> dict[nn.Parameter, int]:
    """Take ``released_rate`` out of an optimiser's config and give its steps by parameter; none without it."""
    if not cfg.pop('released_rate', False):
        return {}
    kind = cfg['optimizer'].get('type')
    if kind != 'SGD':
        raise UserError(
            f'optim_wrapper.{key}: released_rate=True repeats steps of SGD, not of {kind}; leave it out, or train with '
            "optimizer=dict(type='SGD', ...)."
        )
    repeats = released_repeats(parameters.items())
    if not repeats:
        raise UserError(
            f'optim_wrapper.{key}: released_rate=True steps a backbone several times, but this optimiser owns no '
            "parameter below 'backbone.'; leave it out."
        )
    cfg['optimizer'] = {**cfg['optimizer'], 'type': RepeatedSGD}
    return repeats
