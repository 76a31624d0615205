"""CLAN's step in both forms, against the same written in plain torch from the paper and from what the code does."""

import copy
import math

import pytest
import torch
import torch.nn.functional as F
from mmengine.config import Config
from mmengine.logging import MessageHub
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

from mmuda.registry import MODELS, PARAM_SCHEDULERS
from mmuda.utils.setup_env import register_all_modules
from tests.helpers import CONFIGS

register_all_modules()
FOLDER = CONFIGS / 'clan'
CLASSES = 5
SOURCE, TARGET = (40, 56), (48, 40)  # nominal sizes
STEPS = 100_000
NAMES = ('gta2cityscapes', 'synthia2cityscapes')


def narrow(name):
    """The model of a shipped config with few channels and small nominal sizes; everything else as shipped."""
    cfg = Config.fromfile(FOLDER / f'{name}.py')
    model = cfg.model
    model.segmentor = dict(
        type='EncoderDecoder',
        backbone=dict(type='ResNet', depth=18, num_stages=1, strides=(2,), dilations=(1,), out_indices=(0,),
                      base_channels=4, norm_cfg=dict(type='BN')),
        decode_head=dict(type='DeepLabV2Head', in_channels=4, num_classes=CLASSES, dilations=(1, 2),
                         classifiers=model.segmentor.decode_head.classifiers,
                         init_cfg=dict(type='Normal', layer='Conv2d', std=0.3, bias=0.1),
                         loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True)),
        test_cfg=dict(mode='whole'),
    )  # fmt: skip
    model.data_preprocessor = dict(type='UDADataPreprocessor')
    model.terms.output.discriminator.update(in_channels=CLASSES, base_channels=4)
    if 'resize_to' in model.terms.output and not isinstance(model.terms.output.resize_to, str):
        model.terms.output.resize_to = dict(source=SOURCE, target=TARGET)
    torch.manual_seed(3)
    built = MODELS.build(model)
    built.init_weights()
    built.set_stage(cfg.train_cfg.stages[0])
    return built.double().train(), cfg


def images(scale):
    """A batch of one image a domain, at ``scale`` times the nominal size; the label at the nominal size."""
    generator = torch.Generator().manual_seed(1)
    batch = {}
    for domain, size in (('source', SOURCE), ('target', TARGET)):
        sample = SegDataSample()
        label = torch.randint(0, CLASSES, (1, *size), generator=generator)
        label[:, :5] = 255
        sample.gt_sem_seg = PixelData(data=label)
        pixels = torch.randn(1, 3, *(int(s * scale) for s in size), dtype=torch.float64, generator=generator)
        batch[domain] = dict(inputs=pixels, data_samples=[sample])
    return batch


def classify(model, image, size):
    """Logits of both classifiers on a grid."""
    features = model.segmentor.extract_feat(image)
    return [F.interpolate(c(features[-1]), size=size, mode='bilinear', align_corners=True)
            for c in model.segmentor.decode_head.classifiers]  # fmt: skip


def softmax(logits):
    shifted = logits.exp()
    return shifted / shifted.sum(dim=1, keepdim=True)


def cosine_distance(first, second):
    inner = (first * second).sum(dim=1, keepdim=True)
    return 1 - inner / (first.square().sum(1, keepdim=True).sqrt() * second.square().sum(1, keepdim=True).sqrt())


def similarity(model):
    first, second = (torch.cat([p.flatten() for p in c.parameters()]) for c in model.segmentor.decode_head.classifiers)
    return (first @ second) / (first.norm() * second.norm()) + 1


def negative_log(logits, is_target):
    """-log of the probability that the discriminator gives to a domain."""
    return -torch.log(torch.sigmoid(logits if is_target else -logits))


def true_class(probability, label):
    """Probabilities (pixels) of the labelled classes."""
    valid = label != 255
    return probability.movedim(1, -1)[valid].gather(1, label[valid][:, None])[:, 0]


def code_losses(model, batch, iteration, local_weight):
    """What the released code propagates, and what trains its discriminator."""
    damping = 1 - iteration / STEPS
    label = batch['source']['data_samples'][0].gt_sem_seg.data
    source = classify(model, batch['source']['inputs'], SOURCE)
    target = classify(model, batch['target']['inputs'], TARGET)
    discriminator = model.terms['output'].discriminator

    def judge(prob, size):
        return F.interpolate(discriminator(prob), size=size, mode='bilinear', align_corners=True)

    segmentation = 0
    for logits in source:
        p = true_class(softmax(logits), label)
        segmentation = segmentation - ((1 - p) ** 2 * p.log()).mean()
    weight = 1.0
    if iteration > 5000:
        weight = 0.4 + local_weight * cosine_distance(*(softmax(x) for x in target))
    judged = judge(softmax(sum(target)), TARGET)
    adversarial = 0.001 * damping * (weight * negative_log(judged, False)).mean()
    generator = segmentation + adversarial + similarity(model) * 0.01 * damping * 2

    fixed = weight.detach() if torch.is_tensor(weight) else weight
    on_source = judge(softmax(sum(source)).detach(), SOURCE)
    on_target = judge(softmax(sum(target)).detach(), TARGET)
    loss = negative_log(on_source, False).mean() + (fixed * negative_log(on_target, True)).mean()
    return generator, loss


def paper_losses(model, batch, local_weight, stop=False):
    """Equations 4 to 8 of the paper, at a grid of the image's size, after the warm-up; the discriminator's mean."""
    label = batch['source']['data_samples'][0].gt_sem_seg.data
    source = sum(classify(model, batch['source']['inputs'], SOURCE))
    first, second = classify(model, batch['target']['inputs'], TARGET)
    segmentation = -true_class(softmax(source), label).log().mean()
    weight = 0.4 + local_weight * cosine_distance(softmax(first), softmax(second))
    weight = weight.detach() if stop else weight
    discriminator = model.terms['output'].discriminator
    judged = discriminator(softmax(first + second))
    large = F.interpolate(judged, size=TARGET, mode='bilinear', align_corners=True)
    generator = segmentation + 0.001 * (weight * negative_log(large, False)).mean() + 0.01 * similarity(model)
    on_source = negative_log(discriminator(softmax(source).detach()), False).mean()
    judged = F.interpolate(
        discriminator(softmax(first + second).detach()), size=TARGET, mode='bilinear', align_corners=True
    )
    on_target = (weight.detach() * negative_log(judged, True)).mean()
    return generator, 0.5 * (on_source + on_target)


def ours(model, batch, iteration):
    """The sums that our segmentor and discriminator steps propagate."""
    MessageHub.get_current_instance().update_info('iter', iteration)
    names = model.available_losses(model.stage)
    context = model.build_context(batch, [n for n in names if not n.endswith('reversal')], torch.enable_grad)
    totals = []
    for phase in ('segmentor', 'discriminator'):
        losses = {}
        for name in names:
            if name.endswith(phase):
                losses.update(model.compute_losses(name, context if phase == 'segmentor' else context.detach()))
        totals.append(sum(value for key, value in losses.items() if 'loss' in key.rpartition('.')[2]))
    MessageHub.get_current_instance().update_info('iter', 0)
    return totals


def assert_same(model, found, expected):
    networks = (model.segmentor, model.terms['output'].discriminator)
    for network, one, other in zip(networks, found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-12)
        parameters = [p for p in network.parameters() if p.requires_grad]
        gradients = [torch.autograd.grad(x, parameters, retain_graph=True) for x in (one, other)]
        for a, b in zip(*gradients, strict=True):
            torch.testing.assert_close(a, b, rtol=1e-8, atol=1e-11)


@pytest.mark.parametrize('pair', NAMES)
@pytest.mark.parametrize(('iteration', 'scale'), [(0, 1.0), (5000, 0.8), (5001, 1.1), (60_000, 0.8), (99_999, 1.0)])
def test_the_code_form_is_the_released_step(pair, iteration, scale):
    model, cfg = narrow(f'clan_code_deeplabv2-r101_{pair}')
    batch = images(scale)
    expected = code_losses(model, batch, iteration, {'gta2cityscapes': 40, 'synthia2cityscapes': 10}[pair])
    assert_same(model, ours(model, batch, iteration), expected)


@pytest.mark.parametrize('pair', NAMES)
def test_the_paper_form_is_that_of_the_equations(pair):
    model, _ = narrow(f'clan_deeplabv2-r101_{pair}')
    batch = images(1.0)
    local_weight = {'gta2cityscapes': 40, 'synthia2cityscapes': 10}[pair]
    assert_same(model, ours(model, batch, 60_000), paper_losses(model, batch, local_weight))
    # The gradient through the weights is most of it, and can be switched off.
    model.terms['output'].detach_weight = True
    assert_same(model, ours(model, batch, 60_000), paper_losses(model, batch, local_weight, stop=True))


def test_the_gradient_through_the_weights_is_no_trifle():
    model, _ = narrow('clan_code_deeplabv2-r101_gta2cityscapes')
    batch = images(1.0)
    parameters = list(model.segmentor.decode_head.parameters())
    norms = []
    for detach in (False, True):
        model.terms['output'].detach_weight = detach
        MessageHub.get_current_instance().update_info('iter', 6000)
        context = model.build_context(batch, ['output.segmentor'], torch.enable_grad)
        loss = model.compute_losses('output.segmentor', context)['output.loss_adversarial']
        norms.append(torch.cat([g.flatten() for g in torch.autograd.grad(loss, parameters)]).norm().item())
    MessageHub.get_current_instance().update_info('iter', 0)
    assert norms[1] < 0.7 * norms[0]


@pytest.mark.parametrize('pair', NAMES)
def test_the_code_forms_rates_rise_and_fall_as_released(pair):
    cfg = Config.fromfile(FOLDER / f'clan_code_deeplabv2-r101_{pair}.py')
    for key, base in (('segmentor', 2.5e-4), ('discriminator', 1e-4)):
        optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=cfg.optim_wrapper[key].optimizer.lr)
        cfgs = copy.deepcopy(cfg.param_scheduler[key])
        schedulers = [PARAM_SCHEDULERS.build({**s, 'optimizer': optimizer}) for s in cfgs]
        for iteration in range(STEPS):
            if iteration < 5000:
                expected = base * iteration / 5000
            else:
                expected = base * (1 - iteration / STEPS) ** 0.9
            if iteration < 6000 or iteration % 997 == 0 or iteration > STEPS - 5:
                assert math.isclose(optimizer.param_groups[0]['lr'], expected, rel_tol=1e-5, abs_tol=1e-12), iteration
            optimizer.step()
            for scheduler in schedulers:
                scheduler.step()
