"""What the stack says and a user need not act on is not shown."""

import warnings

import pytest

from mmuda.utils.environment import hide_misleading_warnings

MISLEADING = (
    'Detected call of `scheduler.step()` before `optimizer.step()`. In PyTorch 1.1.0 and later, you should',
    'For binary segmentation, we suggest using`out_channels = 1` to define the outputchannels of segmentor',
)


@pytest.mark.parametrize('message', MISLEADING)
def test_advice_that_would_do_harm_is_hidden(message):
    with warnings.catch_warnings(record=True) as shown:
        warnings.resetwarnings()
        hide_misleading_warnings()
        warnings.warn(message, stacklevel=1)
        warnings.warn('anything else', stacklevel=1)
    assert [str(warning.message) for warning in shown] == ['anything else']
