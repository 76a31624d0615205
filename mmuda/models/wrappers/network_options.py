"""Memory layout, compilation and depthwise convolutions of single networks."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase

import torch
from mmseg.models.segmentors.base import BaseSegmentor
from torch import nn

from mmuda.models.depthwise import use_fast_depthwise, use_native_depthwise
from mmuda.utils.errors import UserError

OPTIONS = ('channels_last', 'compile', 'fast_depthwise')
# torch keeps this many variants of a function by default; all networks of a class share it, and each has a few (frozen
# or trained, with or without gradients, image sizes).
VARIANTS = 8


def apply_network_options(model: nn.Module, networks: Mapping[str, Mapping]) -> list[str]:
    """Store networks as NHWC, compile them, choose their gradients; weights keep their names and values.

    Args:
        model: The model that holds the networks.
        networks: Options by pattern over module paths (``'segmentor.backbone'``, ``'terms.*.discriminator'``):
            ``channels_last=True`` stores 4-D weights as NHWC, which convolutions follow; ``compile=True``, or
            ``torch.compile``'s arguments (``dict(mode='reduce-overhead')``), compiles the network's forward, or the
            methods listed in the ``compiled_methods`` of its class if training calls those instead;
            ``fast_depthwise=False`` trains depthwise convolutions on a CPU by torch's own gradients, which differ by
            rounding and are slow, see :func:`~mmuda.models.depthwise.use_fast_depthwise`.

    Returns:
        Paths of the compiled networks.

    Raises:
        UserError: If a pattern matches no network, an option is unknown, or a whole segmentor is to be compiled.
    """
    compiled = []
    use_fast_depthwise(model)
    for pattern, options in networks.items():
        unknown = sorted(set(options) - set(OPTIONS))
        if unknown:
            raise UserError(f"networks['{pattern}'] has the unknown options {unknown}; it may have {list(OPTIONS)}.")
        found = {path: module for path, module in model.named_modules() if path and fnmatchcase(path, pattern)}
        if not found:
            paths = [path for path, _ in model.named_modules() if path and path.count('.') < 3]
            raise UserError(f"networks['{pattern}'] matches no network; name one of {', '.join(paths)}.")
        for path, module in found.items():
            if options.get('channels_last'):
                module.to(memory_format=torch.channels_last)
            if not options.get('fast_depthwise', True):
                use_native_depthwise(module)
            how = options.get('compile', False)
            if how is not False and how is not None:
                _compile(path, module, {} if how is True else how)
                compiled.append(path)
    if compiled:
        config = torch._dynamo.config
        config.recompile_limit = max(config.recompile_limit, VARIANTS * len(compiled))
    return compiled


def _compile(path: str, module: nn.Module, how: Mapping) -> None:
    """Compile in place, so that no wrapper appears in names and checkpoints.

    mmengine's own ``compile`` would compile the whole train_step, which breaks at every backward.
    """
    if isinstance(module, BaseSegmentor):
        raise UserError(
            f"networks['{path}'] is a segmentor, which training enters part by part: compile its networks, e.g. "
            f"'{path}.backbone' and '{path}.decode_head'."
        )
    methods = getattr(type(module), 'compiled_methods', None)
    if methods is None:
        module.compile(**how)
        return
    for name in methods:
        setattr(module, name, torch.compile(getattr(module, name), **how))
