"""Converts checkpoints of the code that SRDA-Net's authors released (https://github.com/tangzhenjie/SRDA-Net)."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from mmuda.checkpoints.reading import read_checkpoint, state_dict_of, write_checkpoint
from mmuda.utils.errors import UserError

GENERATOR = 'generator'
NETWORKS = (GENERATOR, 'pixel_discriminator', 'fc_discriminator')


def _generator_names() -> dict[str, str]:
    names = {f'feature_extractor.{i}.weight': f'backbone.stem.{i}.weight' for i in (0, 2, 4)}
    for block in (0, 2, 4):
        for theirs, ours in (('body.0', 'conv1'), ('body.2', 'conv2')):
            names[f'feature_extractor.{7 + block}.{theirs}.weight'] = f'backbone.blocks.{block}.{ours}.weight'
    for block in (1, 3):
        theirs, ours = f'feature_extractor.{7 + block}', f'backbone.blocks.{block}'
        for k in range(3):
            names[f'{theirs}.b_{k + 1}.weight'] = f'{ours}.merges.{k}.weight'
            for d in range(3):  # the first number is the dilation, the second the position in the cascade
                names[f'{theirs}.conv{d + 1}_{k + 1}.0.weight'] = f'{ours}.pyramids.{k}.{d}.0.weight'
    modules = {
        'SRAAN_up2': 'sr_head.up1.0',
        'SRAAN_up4': 'sr_head.up2.0',
        'SRAAN_classifier': 'sr_head.to_image',
        'SSAN_mix_conv1': 'decode_head.fuse1',
        'SSAN_mix_conv2': 'decode_head.fuse2',
        'SSAN_classifier': 'decode_head.conv_seg',
    }
    names |= _with_parameters(modules)
    return {theirs: f'segmentor.{ours}' for theirs, ours in names.items()}


def _with_parameters(modules: Mapping[str, str]) -> dict[str, str]:
    return {f'{theirs}.{p}': f'{ours}.{p}' for theirs, ours in modules.items() for p in ('weight', 'bias')}


NAMES = {
    GENERATOR: _generator_names(),
    'pixel_discriminator': _with_parameters(
        {f'model.{i}': f'terms.pixel.discriminator.layers.{i}' for i in (0, 2, 5, 8, 11)}
    ),
    'fc_discriminator': _with_parameters(
        {
            theirs: f'terms.output.discriminator.layers.{2 * i}'
            for i, theirs in enumerate(('conv1', 'conv2', 'conv3', 'conv4', 'classifier'))
        }
    ),
}


def convert(source: str | os.PathLike, out: str | os.PathLike) -> list[Path]:
    """Convert a released checkpoint to one that the ``srda`` configs load strictly and that gives the same outputs.

    The generator becomes ``segmentor.*``, the discriminators ``terms.pixel.discriminator.*`` and
    ``terms.output.discriminator.*``.

    Args:
        source: One ``.pth`` file; or a folder with the files of one epoch (``<epoch>_net_generator.pth``,
            ``_net_pixel_discriminator.pth``, ``_net_fc_discriminator.pth``; discriminators may be absent); or such a
            folder's path followed by an epoch (``checkpoints/200``).
        out: File to write, whole or not at all.

    Returns:
        The files that were read.

    Raises:
        FileNotFoundError: If there is nothing at ``source``.
        UserError: If a folder holds several epochs, or names are missing or unknown; all of them are listed.
    """
    files = find_files(source)
    state, problems = {}, []
    for file in files:
        converted, problem = rename(state_dict_of(read_checkpoint(file)))
        state |= converted
        problems += [f'{file}: {problem}'] if problem else []
    if problems:
        raise UserError(
            f'{"; ".join(problems)}; give checkpoints of the released SRDA-Net code (<epoch>_net_generator.pth, '
            '<epoch>_net_pixel_discriminator.pth, <epoch>_net_fc_discriminator.pth)'
        )
    write_checkpoint(state, out, converted_from=[file.name for file in files])
    return files


def find_files(source: str | os.PathLike) -> list[Path]:
    """The files that ``source`` of :func:`convert` refers to, the generator first."""
    source = Path(source)
    if source.is_file():
        return [source]
    epoch = source.name
    if source.is_dir():
        epochs = sorted(path.name.removesuffix(_ending(GENERATOR)) for path in source.glob(f'*{_ending(GENERATOR)}'))
        if len(epochs) > 1:
            raise UserError(f'{source} holds the epochs {", ".join(epochs)}; choose one, such as {source / epochs[0]}')
        if epochs:
            source, epoch = source / epochs[0], epochs[0]
    found = [path for network in NETWORKS if (path := source.with_name(epoch + _ending(network))).is_file()]
    if not found or not found[0].name.endswith(_ending(GENERATOR)):
        raise FileNotFoundError(
            f'{source}: no file, and no {_ending(GENERATOR)} in or at it; give a .pth file, the folder of the released '
            'checkpoints, or that folder followed by an epoch'
        )
    return found


def _ending(network: str) -> str:
    return f'_net_{network}.pth'


def rename(state: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], str]:
    """One network's weights under our names, and what is wrong with the given names ('' if nothing).

    Args:
        state: State dict with the released code's names, without ``module.``.
    """
    # Single-layer sequentials: with and without the index of their only layer with weights.
    state = {re.sub(r'^(SRAAN_\w+|SSAN_\w+)\.0\.', r'\1.', key): value for key, value in state.items()}
    network = max(NETWORKS, key=lambda name: len(NAMES[name].keys() & state.keys()))
    names = NAMES[network]
    missing = [key for key in names if key not in state]
    unknown = [key for key in state if key not in names]
    problem = ', '.join(
        f'{title} {" ".join(keys)}' for title, keys in (('missing', missing), ('unknown', unknown)) if keys
    )
    if problem:
        problem = f'read as {network} with names {problem}'
    return {names[key]: value for key, value in state.items() if key in names}, problem
