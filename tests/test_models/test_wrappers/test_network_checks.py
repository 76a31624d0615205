"""Heads, classes, losses and channels that do not fit are told before anything is trained."""

import copy
import re

import pytest
import torch

from mmuda.models.wrappers import check_channels, check_heads, explain_channels
from mmuda.registry import MODELS
from mmuda.utils.errors import UserError
from mmuda.utils.setup_env import register_all_modules

FCN = dict(
    type='FCNHead', in_channels=4, in_index=0, channels=4, num_convs=1, concat_input=False, num_classes=2,
    norm_cfg=dict(type='BN'), align_corners=False,
)  # fmt: skip
BACKBONE = dict(
    type='ResNet', depth=18, num_stages=2, strides=(1, 2), dilations=(1, 1), out_indices=(0, 1), base_channels=4,
    norm_cfg=dict(type='BN'),
)  # fmt: skip


@pytest.fixture(autouse=True)
def _scope():
    register_all_modules()


def build(head=(), backbone=(), auxiliary=None, terms=None):
    segmentor = dict(
        type='EncoderDecoder', backbone=dict(BACKBONE, **dict(backbone)), decode_head=dict(FCN, **dict(head)),
        test_cfg=dict(mode='whole'),
    )  # fmt: skip
    if auxiliary is not None:
        segmentor['auxiliary_head'] = [dict(FCN, **auxiliary)]
    return MODELS.build(dict(type='DomainAdaptation', segmentor=copy.deepcopy(segmentor), terms=terms))


def adversarial(tap, in_channels, **kwargs):
    return dict(
        output=dict(
            type='AdversarialAlignment',
            source=f'source:{tap}',
            target=f'target:{tap}',
            discriminator=dict(type='FCDiscriminator', in_channels=in_channels),
            loss=dict(type='GANLoss', gan_type='vanilla'),
            **kwargs,
        )  # fmt: skip
    )


SIGMOID = dict(type='CrossEntropyLoss', use_sigmoid=True)


@pytest.mark.parametrize('loss', [dict(type='CrossEntropyLoss'), SIGMOID])
def test_one_class_is_refused_whatever_the_loss(loss):
    with pytest.raises(UserError, match=r"num_classes=1.*classes=\('background', 'roof'\).*num_classes=2.*use_sigmoid"):
        check_heads(build(dict(num_classes=1, out_channels=1, loss_decode=loss)), ('roof',))


def test_fitting_heads_pass():
    for head in (
        {},
        dict(out_channels=1, threshold=0.5, loss_decode=SIGMOID),
        dict(num_classes=3, loss_decode=SIGMOID),
        dict(loss_decode=[dict(type='CrossEntropyLoss'), dict(type='LovaszLoss', reduction='none')]),
        dict(num_classes=100),
        dict(ignore_index=255, loss_decode=dict(type='CrossEntropyLoss', class_weight=[1.0, 2.0])),
    ):
        assert check_heads(build(head)) == []
        assert check_heads(build(head).segmentor) == []  # a plain segmentor of mmseg


@pytest.mark.parametrize(
    ('head', 'says'),
    [
        (dict(out_channels=1), r'num_classes=2, out_channels=1\) cannot be computed.*use_sigmoid=True'),
        (dict(out_channels=1, loss_decode=dict(type='TverskyLoss')), r'not depend on the labels.*use_sigmoid=True'),
        (dict(loss_decode=dict(type='CrossEntropyLoss', class_weight=[1.0])), 'cannot be computed.*correct its loss'),
        (dict(ignore_index=0), 'set ignore_index=255 of model.segmentor.decode_head instead of 0'),
        (dict(ignore_index=-100), 'set ignore_index=255 of model.segmentor.decode_head instead of -100'),
    ],
)  # fmt: skip
def test_losses_that_cannot_learn_from_the_labels_are_refused(head, says):
    with pytest.raises(UserError, match=says):
        check_heads(build(head))


def test_one_channel_has_no_probabilities_of_classes():
    one = dict(out_channels=1, threshold=0.5, loss_decode=SIGMOID)
    for terms in (
        adversarial('prob', 1),
        adversarial('logits', 1, activation='softmax'),
        dict(square=dict(type='TapLoss', tap='target:prob', loss=dict(type='MaxSquareLoss'))),
    ):
        with pytest.raises(UserError, match=r'terms .* read .*out_channels=1.*softmax of one channel is 1 everywhere'):
            check_heads(build(one, terms=terms))
        assert check_heads(build(terms=terms)) == []
    assert check_heads(build(one, terms=adversarial('features.0', 4))) == []


def test_a_loss_that_counts_ignored_pixels_is_told():
    (warning,) = check_heads(build(dict(loss_decode=dict(type='DiceLoss'))))
    assert 'the loss of model.segmentor.decode_head (DiceLoss' in warning and 'labelled 255' in warning


def test_auxiliary_heads_are_checked_too():
    with pytest.raises(UserError, match=r'has 2 classes .* model.segmentor.auxiliary_head\[0\] has num_classes=3'):
        check_heads(build(auxiliary=dict(num_classes=3)), ('a', 'b'))
    with pytest.raises(UserError, match=r'model.segmentor.auxiliary_head\[0\].*out_channels=1\) cannot be computed'):
        check_heads(build(auxiliary=dict(out_channels=1)))


def test_a_summed_head_is_one_head():
    summed = dict(type='SummedHead', head=dict(FCN, out_channels=2))
    segmentor = dict(type='EncoderDecoder', backbone=BACKBONE, decode_head=summed, test_cfg=dict(mode='whole'))
    model = MODELS.build(dict(type='DomainAdaptation', segmentor=copy.deepcopy(segmentor)))
    assert check_heads(model, ('a', 'b')) == []
    check_channels(model, 3)
    segmentor['decode_head']['head']['in_channels'] = 8
    with pytest.raises(UserError, match='in_channels=8 of model.segmentor.decode_head .*set in_channels=4'):
        check_channels(MODELS.build(dict(type='DomainAdaptation', segmentor=copy.deepcopy(segmentor))), 3)


@pytest.mark.parametrize(
    ('model', 'says'),
    [
        (dict(head=dict(in_channels=8)), r'in_channels=8 of model.segmentor.decode_head .*; set in_channels=4'),
        (dict(head=dict(in_index=1)), r'set in_channels=8 \(all feature maps: \[4, 8\], chosen by in_index=1\)'),
        (dict(head=dict(in_index=2)), r'in_index=2 .* gives 2 with \[4, 8\] channels; choose among 0 to 1'),
        (dict(auxiliary=dict(in_channels=5)), r'in_channels=5 of model.segmentor.auxiliary_head\[0\]'),
        (dict(backbone=dict(in_channels=4)), r'segmentor.backbone takes 4 channels .* given 3.*set in_channels=3'),
    ],
)
def test_channels_that_do_not_fit_are_told_with_the_right_number(model, says):
    with pytest.raises(UserError, match=says):
        check_channels(build(**model), 3)


def test_the_check_leaves_the_model_and_the_generators_alone():
    model = build(terms=adversarial('prob', 2)).train()
    model.segmentor.backbone.layer1.eval()
    before = copy.deepcopy(model.state_dict())
    training = [module.training for module in model.modules()]
    state = torch.get_rng_state()
    check_channels(model, 3)
    assert torch.equal(state, torch.get_rng_state())
    assert training == [module.training for module in model.modules()]
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())
    assert all(parameter.grad is None for parameter in model.parameters())


def test_a_misfit_in_the_middle_of_a_run_is_located():
    model = build(terms=adversarial('prob', 2))
    for module, key in (
        (lambda: model.segmentor(torch.zeros(1, 4, 32, 32), mode='tensor'), 'model.segmentor.backbone'),
        (lambda: model.terms['output'].discriminator.layers(torch.zeros(1, 5, 32, 32)), 'model.terms.output.discr'),
    ):  # fmt: skip
        with pytest.raises(RuntimeError) as caught:
            module()
        explained = explain_channels(caught.value, model)
        assert isinstance(explained, UserError) and re.match(
            rf'{key}\S* takes \d channels .* given [45]', str(explained)
        )
    with pytest.raises(RuntimeError) as caught:
        torch.zeros(2) @ torch.zeros(3)
    assert explain_channels(caught.value, model) is None


def test_a_head_that_learns_borders_has_classes_of_its_own():
    """The detail head of mmseg's STDC configs: border or not, whatever the labels' number of classes."""
    losses = [dict(type='CrossEntropyLoss', loss_name='loss_ce', use_sigmoid=True), dict(type='DiceLoss')]
    border = dict(type='STDCHead', num_classes=2, boundary_threshold=0.1, loss_decode=losses)
    classes = tuple('abcdef')
    assert check_heads(build(dict(num_classes=6), auxiliary=border), classes) == []
    assert check_heads(build(dict(num_classes=6), auxiliary=border).segmentor, classes) == []


def test_an_auxiliary_head_may_be_switched_off():
    off = dict(loss_decode=dict(type='CrossEntropyLoss', loss_weight=0.0))
    (warning,) = check_heads(build(auxiliary=off))
    assert 'model.segmentor.auxiliary_head[0]' in warning and 'trains nothing' in warning
    with pytest.raises(UserError, match='model.segmentor.decode_head .*does not depend on the labels'):
        check_heads(build(off))


def test_a_loss_that_is_no_segmentors_is_refused():
    with pytest.raises(UserError, match='SiLogLoss.* cannot be computed .*ignore_index'):
        check_heads(build(dict(loss_decode=dict(type='SiLogLoss'))))
