"""The rate of the released DeepLab-v2 optimisers: a parameter that is listed k times is stepped k times."""

import pytest
import torch
from mmengine.config import Config

from mmuda.apis import prepare
from mmuda.engine import NamedOptimWrapperConstructor
from mmuda.engine.optimizers import RepeatedSGD
from mmuda.registry import MODELS
from mmuda.testing.toy import batch, segmentor
from mmuda.utils.setup_env import register_all_modules
from tests.helpers import CONFIGS

register_all_modules()
OPTIONS = [dict(lr=0.1), dict(lr=0.1, momentum=0.9), dict(lr=0.03, momentum=0.9, weight_decay=0.2),
           dict(lr=0.03, momentum=0.9, weight_decay=0.2, nesterov=True)]  # fmt: skip


class Listed:
    """SGD as it steps through a list of parameters in which some stand several times."""

    def __init__(self, parameters, lr, momentum=0.0, weight_decay=0.0, nesterov=False):
        self.parameters, self.lr, self.momentum = parameters, lr, momentum
        self.weight_decay, self.nesterov = weight_decay, nesterov
        self.buffers = {}

    def step(self, gradients):
        for i in self.parameters:  # indices, with repetitions
            value = self.values[i]
            change = gradients[i] + self.weight_decay * value
            if self.momentum:
                self.buffers[i] = change if i not in self.buffers else self.momentum * self.buffers[i] + change
                change = change + self.momentum * self.buffers[i] if self.nesterov else self.buffers[i]
            self.values[i] = value - self.lr * change


def listed(values, counts, **options):
    plain = Listed([i for i, count in enumerate(counts) for _ in range(count)], **options)
    plain.values = [value.clone() for value in values]
    return plain


@pytest.mark.parametrize('options', OPTIONS)
@pytest.mark.parametrize('grouped', [False, True])
def test_a_parameter_is_stepped_as_often_as_it_is_listed(options, grouped):
    generator = torch.Generator().manual_seed(0)
    counts = (1, 3, 4, 3)
    parameters = [torch.nn.Parameter(torch.randn(5, dtype=torch.float64, generator=generator)) for _ in counts]
    groups = [dict(params=[p]) for p in parameters] if grouped else parameters
    optimizer = RepeatedSGD(groups, **options)
    optimizer.repeats = dict(zip(parameters, counts, strict=True))
    by_hand = listed([p.detach() for p in parameters], counts, **options)
    for iteration in range(5):
        gradients = [torch.randn(5, dtype=torch.float64, generator=generator) for _ in counts]
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter.grad = gradient.clone()
        for group in optimizer.param_groups:  # rates that a scheduler changes are those of every step
            group['lr'] = by_hand.lr = options['lr'] / (iteration + 1)
        optimizer.step()
        by_hand.step(gradients)
        for parameter, expected in zip(parameters, by_hand.values, strict=True):
            torch.testing.assert_close(parameter.detach(), expected, rtol=1e-12, atol=1e-13)
    assert len(optimizer.param_groups) == (4 if grouped else 1)  # left as they were


def test_without_repeats_it_is_sgd_and_its_state_is_sgds():
    parameters = [torch.nn.Parameter(torch.ones(3)) for _ in range(2)]
    twins = [torch.nn.Parameter(torch.ones(3)) for _ in range(2)]
    options = dict(lr=0.1, momentum=0.9, weight_decay=0.1)
    ours, plain = RepeatedSGD(parameters, **options), torch.optim.SGD(twins, **options)
    for _ in range(3):
        for a, b in zip(parameters, twins, strict=True):
            a.grad = b.grad = torch.full((3,), 0.5)
        ours.step()
        plain.step()
    assert all(torch.equal(a, b) for a, b in zip(parameters, twins, strict=True))
    assert ours.state_dict()['param_groups'] == plain.state_dict()['param_groups']


def listing(backbone):
    """How often the released code lists each parameter: walks the children's modules, and of each all parameters."""
    counts = {}
    for child in backbone.children():
        for module in child.modules():
            for parameter in module.parameters():
                counts[parameter] = counts.get(parameter, 0) + 1
    return counts


@pytest.mark.parametrize(
    'name', ['adaptsegnet/adaptsegnet', 'advent/advent', 'minent/minent', 'maxsquare/maxsquare', 'clan/clan_code']
)
def test_the_released_rate_lists_a_backbone_as_the_released_code(name):
    cfg = Config.fromfile(CONFIGS / f'{name}_deeplabv2-r101_gta2cityscapes.py')
    with torch.device('meta'):
        model = MODELS.build(prepare(cfg).model)
    generator = cfg.optim_wrapper.segmentor
    assert generator.get('released_rate', False) == (name == 'clan/clan_code')
    rest = dict(params=['*'], optimizer=dict(type='SGD', lr=1))
    wrapper = NamedOptimWrapperConstructor(dict(segmentor=dict(generator, released_rate=True), rest=rest))(model)
    optimizer = wrapper['segmentor'].optimizer
    assert type(optimizer) is RepeatedSGD
    counts = listing(model.segmentor.backbone)
    names = {id(p): name for name, p in model.segmentor.named_parameters()}
    for group in optimizer.param_groups:
        (parameter,) = group['params']
        name = names[id(parameter)]
        assert optimizer.repeats.get(parameter, 1) == counts.get(parameter, 1), name
        in_head = 'head' in name
        assert group['lr'] == pytest.approx(2.5e-3 if in_head else 2.5e-4)
        expected = 1 if in_head or name == 'backbone.conv1.weight' else 4 if 'downsample' in name else 3
        assert optimizer.repeats.get(parameter, 1) == expected, name


def test_training_steps_at_the_released_rate():
    """Two steps of the wrapper against the plain loop on the gradients that they had."""
    torch.manual_seed(0)
    backbone = dict(type='ResNet', depth=18, num_stages=1, strides=(2,), dilations=(1,), out_indices=(0,),
                    base_channels=2, norm_cfg=dict(type='BN', requires_grad=False))  # fmt: skip
    network = dict(type='EncoderDecoder', backbone=backbone, test_cfg=dict(mode='whole'),
                   decode_head=dict(type='DeepLabV2Head', in_channels=2, num_classes=3, dilations=(1,)))  # fmt: skip
    model = MODELS.build(dict(type='DomainAdaptation', segmentor=network)).double()
    options = dict(lr=0.05, momentum=0.9, weight_decay=0.1)
    cfg = dict(params=['segmentor'], optimizer=dict(type='SGD', **options), released_rate=True)
    wrappers = NamedOptimWrapperConstructor(dict(segmentor=cfg))(model)
    counts = listing(model.segmentor.backbone)
    parameters = [p for p in model.parameters() if p.requires_grad]
    by_hand = listed([p.detach() for p in parameters], [counts.get(p, 1) for p in parameters], **options)
    assert {counts.get(p, 1) for p in parameters} == {1, 3, 4}
    gradients = {}
    for i, parameter in enumerate(parameters):
        parameter.register_post_accumulate_grad_hook(lambda p, i=i: gradients.update({i: p.grad.clone()}))
    for _ in range(2):
        data = batch()
        for stream in data.values():
            stream['inputs'] = [image.double() for image in stream['inputs']]
        model.train_step(data, wrappers)
        by_hand.step(gradients)
        for parameter, expected in zip(parameters, by_hand.values, strict=True):
            torch.testing.assert_close(parameter.detach(), expected, rtol=1e-10, atol=1e-12)


def test_only_sgd_has_a_released_rate():
    model = MODELS.build(dict(type='DomainAdaptation', segmentor=segmentor()))
    cfg = dict(params=['segmentor'], optimizer=dict(type='Adam', lr=1e-3), released_rate=True)
    with pytest.raises(
        ValueError, match='optim_wrapper.segmentor: released_rate=True repeats steps of SGD, not of Adam'
    ):
        NamedOptimWrapperConstructor(dict(segmentor=cfg))(model)
    cfg = dict(params=['segmentor.decode_head'], optimizer=dict(type='SGD', lr=1e-3), released_rate=True)
    with pytest.raises(ValueError, match="owns no parameter below 'backbone.'; leave it out"):
        NamedOptimWrapperConstructor(dict(head=cfg))(model)
