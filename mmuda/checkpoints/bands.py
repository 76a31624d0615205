"""Fits weights that were trained on red, green and blue to networks for images of other bands."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch
from mmengine.logging import print_log
from torch import Tensor, nn

COLOURS = 3


def kernels_for_bands(kernels: Tensor, bands: int) -> Tensor:
    """The kernels of a first convolution for another number of bands than the three it was trained on.

    - **More than three bands.** The first three keep the kernels of red, green and blue; each further band gets their
      mean. Nothing is rescaled, so that the response to red, green and blue is exactly the pretrained one wherever the
      further bands have their mean, which is 0 once the image is normalised. Dividing all kernels by the number of
      bands instead would change that response, and every layer behind was trained on it.
    - **One or two bands.** Which colours they are is not known. Each gets the sum of the three kernels, divided by the
      number of bands, so that the response to a grey image (all bands equal) is exactly that to the image as red, green
      and blue.

    Args:
        kernels: (O, 3, h, w), for red, green and blue or their reverse.
        bands: Number of bands, at least 1.

    Returns:
        (O, bands, h, w), of the same dtype.
    """
    if bands < COLOURS:
        return (kernels.sum(1, keepdim=True) / bands).repeat(1, bands, 1, 1)
    further = kernels.mean(1, keepdim=True).repeat(1, bands - COLOURS, 1, 1)
    return torch.cat([kernels, further], dim=1)


def values_for_bands(values: Iterable[float], bands: int) -> list[float]:
    """Means or standard deviations of red, green and blue for another number of bands: further ones get their mean.

    Args:
        values: Three numbers.
        bands: Number of bands; one or two bands all get the mean.
    """
    values = [float(value) for value in values]
    mean = round(sum(values) / COLOURS, 4)
    return [mean] * bands if bands < COLOURS else values + [mean] * (bands - COLOURS)


def fit_bands(state: Mapping[str, Tensor], expected: Mapping[str, Tensor], owner: str) -> dict[str, Tensor]:
    """Weights in which each convolution that takes three channels, where the model takes others, fits the model.

    Args:
        state: Weights of a checkpoint.
        expected: Weights of the model, by the same names.
        owner: Name of the network, for the log.

    Returns:
        The weights; what fits, or is not of that kind, is unchanged.
    """
    return {
        key: _fitted(value, expected[key].shape, f'{owner}.{key}') if key in expected else value
        for key, value in state.items()
    }


def take_any_bands(model: nn.Module) -> None:
    """Let the convolutions of a model load kernels of three channels, whatever their own number of channels.

    It acts on every way of loading that ends in ``load_state_dict``, and hence on ``init_cfg`` and ``pretrained`` of
    any backbone. A checkpoint of a whole run is compared with its model before it is loaded, and is still refused if
    its channels differ.

    Args:
        model: The model; changed in place.
    """
    for name, module in model.named_modules():
        if isinstance(module, nn.Conv2d) and module.in_channels != COLOURS:

            def fit(conv, state, prefix, *_, name=name) -> None:
                key = f'{prefix}weight'
                if key in state:
                    state[key] = _fitted(state[key], conv.weight.shape, f'{name}.weight')

            module.register_load_state_dict_pre_hook(fit)


def _fitted(kernels: Tensor, shape: torch.Size, name: str) -> Tensor:
    given, wanted = tuple(kernels.shape), tuple(shape)
    fits = len(given) == len(wanted) == 4 and given[0] == wanted[0] and given[2:] == wanted[2:]
    bands = wanted[1] if fits else COLOURS
    if not fits or given[1] != COLOURS or bands == COLOURS:
        return kernels
    how = (
        'each gets their sum divided by the number of bands'
        if bands < COLOURS
        else 'the first three keep theirs, and further ones get the mean'
    )
    print_log(f'{name}: kernels of red, green and blue are fitted to {bands} bands: {how}', logger='current')
    return kernels_for_bands(kernels, bands)
