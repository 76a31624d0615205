"""Copies of a head whose logits are added."""

import pytest
import torch

from mmuda.registry import MODELS
from mmuda.utils.setup_env import register_all_modules

register_all_modules()
HEAD = dict(
    type='FCNHead', in_channels=4, in_index=1, channels=3, num_convs=1, concat_input=False, num_classes=5,
    out_channels=5, dropout_ratio=0.5, ignore_index=7, align_corners=True,
    loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True, loss_weight=0.4),
)  # fmt: skip


def build(**options):
    torch.manual_seed(0)
    return MODELS.build(dict(type='SummedHead', head=HEAD, **options))


def test_logits_are_the_sum_and_settings_those_of_the_head():
    head = build(copies=3).eval()
    features = (torch.zeros(1), torch.randn(2, 4, 6, 5))
    parts = [one(features) for one in head.classifiers]
    torch.testing.assert_close(head(features), parts[0] + parts[1] + parts[2])
    assert not torch.equal(parts[0], parts[1])
    assert (head.num_classes, head.out_channels, head.in_index, head.align_corners) == (5, 5, 1, True)
    assert (head.ignore_index, head.loss_decode.loss_weight) == (7, 0.4)


def test_every_copy_is_initialised_by_its_own_config_and_trained():
    head = build()
    for one in head.classifiers:
        torch.nn.init.constant_(one.conv_seg.bias, 9.0)
    head.init_weights()
    assert all(not one.conv_seg.bias.any() for one in head.classifiers)  # mmseg: N(0, 0.01), bias 0
    head((torch.zeros(1), torch.randn(2, 4, 6, 5))).square().sum().backward()
    assert all(p.grad is not None for p in head.parameters())
    # No parameter that nothing reads, such as the classifier of BaseDecodeHead.
    assert {name.split('.')[0] for name, _ in head.named_parameters()} == {'classifiers'}


def test_both_classifiers_of_a_deeplabv3plus_are_taps():
    head = dict(
        type='DepthwiseSeparableASPPHead', in_channels=8, in_index=1, channels=4, dilations=(1, 2), c1_in_channels=4,
        c1_channels=2, num_classes=2, out_channels=2, align_corners=False,
    )  # fmt: skip
    model = MODELS.build(
        dict(
            type='DomainAdaptation',
            segmentor=dict(
                type='EncoderDecoder',
                backbone=dict(type='ResNet', depth=18, num_stages=2, strides=(1, 2), dilations=(1, 1),
                              out_indices=(0, 1), base_channels=4),
                decode_head=dict(type='SummedHead', head=head),
            ),
            terms=dict(different=dict(type='ParameterSimilarity', first='source:parameters.decode_head.classifiers.0',
                                      second='source:parameters.decode_head.classifiers.1')),
        )
    )  # fmt: skip
    data = dict(target=dict(inputs=torch.randn(2, 3, 16, 16), data_samples=[None] * 2))
    names = [f'module.decode_head.classifiers.{i}' for i in range(2)]
    outputs = model.adapter.forward(model.segmentor.eval(), 'target', data['target'], {'logits', *names})
    torch.testing.assert_close(outputs.tap('logits'), sum(outputs.tap(name) for name in names))


def test_one_copy_is_no_sum():
    with pytest.raises(ValueError, match='copies=1; give at least 2'):
        build(copies=1)
