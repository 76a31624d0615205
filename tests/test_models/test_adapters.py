"""What an adapter says about a tap that the segmentor does not offer."""

import pytest
from torch import nn

from mmuda.models.adapters.super_resolution import SuperResolutionAdapter
from mmuda.utils.errors import UserError


def test_a_refused_tap_lists_each_name_once():
    with pytest.raises(UserError) as refused:
        SuperResolutionAdapter().check(nn.Identity(), 'target:fine', {'fine_image', 'cells'})
    offered = str(refused.value).partition('it offers ')[2].partition(' and ')[0]
    assert offered == 'cells, features.0, fine_image, image, label, logits, prediction, prob, sr_image'
