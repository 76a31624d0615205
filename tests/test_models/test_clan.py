"""CLAN, DeepLab-v2's head and FCAN's discriminator against their equations."""

import copy

import pytest
import torch
import torch.nn.functional as F
from mmengine.logging import MessageHub

from mmuda.registry import MODELS, TERMS
from mmuda.testing import Taps
from mmuda.utils.setup_env import register_all_modules

register_all_modules()
TOLERANCE = dict(rtol=1e-9, atol=1e-9)
CLASSIFIERS = ('module.decode_head.classifiers.0', 'module.decode_head.classifiers.1')


def random(*shape, seed=0):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)).requires_grad_()


def clan(**options):
    cfg = dict(
        type='DiscrepancyAlignment',
        source='source:logits',
        target='target:logits',
        activation='softmax',
        discriminator=dict(type='FCDiscriminator', in_channels=3, base_channels=2),
        loss=dict(type='GANLoss', gan_type='vanilla'),
        loss_weight=0.001,
    )
    return TERMS.build({**cfg, **options}).double()


@pytest.mark.parametrize('detach', [False, True])
@pytest.mark.parametrize('resize_to', [None, 'image'])
def test_clan_weighs_by_the_cosine_of_the_two_classifiers(resize_to, detach):
    term = clan(resize_to=resize_to, detach_weight=detach)
    image = 48 if resize_to else 40
    taps = {f'target:{name}': random(2, 3, 40, 40, seed=i) for i, name in enumerate(CLASSIFIERS)}
    taps['target:logits'] = sum(taps.values())
    taps['source:logits'] = random(2, 3, 40, 40, seed=9)
    taps['source:image'] = taps['target:image'] = torch.zeros(2, 3, image, image)
    assert term.reads('discriminator') == set(taps) - {'source:image', 'target:image'}

    def large(x):
        return F.interpolate(x, size=(image, image), mode='bilinear', align_corners=True)

    first, second = (large(taps[f'target:{name}']) for name in CLASSIFIERS)
    first, second = (x.exp() / x.exp().sum(1, keepdim=True) for x in (first, second))
    cosine = (first * second).sum(1) / (first.square().sum(1) * second.square().sum(1)).sqrt()
    weight = 0.4 + 40 * (1 - cosine)
    weight = weight.detach() if detach else weight
    judged = {d: large(term.discriminator(large(taps[f'{d}:logits']).softmax(1)))[:, 0] for d in ('source', 'target')}
    to_source = -torch.log(1 - torch.sigmoid(judged['target']))
    loss = term.losses('segmentor', Taps(taps))['loss_adversarial']
    expected = 0.001 * (weight * to_source).mean()
    torch.testing.assert_close(loss, expected, **TOLERANCE)
    inputs = [taps[f'target:{name}'] for name in CLASSIFIERS]
    for ours, theirs in zip(
        *(torch.autograd.grad(v, inputs, retain_graph=True) for v in (loss, expected)), strict=True
    ):
        torch.testing.assert_close(ours, theirs, **TOLERANCE)

    # Source plain (on the discriminator's own grid), target weighted, halved.
    own = term.discriminator(large(taps['source:logits']).softmax(1))
    by_hand = -torch.log(1 - torch.sigmoid(own)).mean() - (weight * torch.log(torch.sigmoid(judged['target']))).mean()
    loss = term.losses('discriminator', Taps(taps))['loss_discriminator']
    torch.testing.assert_close(loss, 0.5 * by_hand, **TOLERANCE)
    # It trains the discriminator alone, whatever graph its weights have.
    assert torch.autograd.grad(loss, inputs, allow_unused=True) == (None, None)


def test_clan_is_plain_in_its_warmup():
    term = clan(warmup=5)
    plain = copy.deepcopy(term)
    plain.weight = lambda domain, context: None
    taps = {f'target:{name}': random(1, 3, 40, 40, seed=i) for i, name in enumerate(CLASSIFIERS)}
    taps['target:logits'] = sum(taps.values())
    hub = MessageHub.get_current_instance()
    for iteration, same in ((4, True), (5, False)):
        hub.update_info('iter', iteration)
        ours, theirs = (t.losses('segmentor', Taps(taps))['loss_adversarial'] for t in (term, plain))
        assert torch.equal(ours, theirs) == same
    hub.update_info('iter', 0)


def test_parameters_that_differ():
    first, second = random(20, seed=1), random(20, seed=2)
    term = TERMS.build(
        dict(type='ParameterSimilarity', first='source:parameters.a', second='source:parameters.b', loss_weight=0.01)
    )
    assert term.reads('segmentor') == {'source:parameters.a', 'source:parameters.b'}
    loss = term.losses('segmentor', Taps({'source:parameters.a': first, 'source:parameters.b': second}))['loss']
    cosine = (first * second).sum() / (first.square().sum().sqrt() * second.square().sum().sqrt())
    torch.testing.assert_close(loss, 0.01 * (cosine + 1), **TOLERANCE)
    with pytest.raises(ValueError, match='with 20 and .* with 19 parameters'):
        term.losses('segmentor', Taps({'source:parameters.a': first, 'source:parameters.b': second[1:]}))


@pytest.mark.parametrize('gamma', [0, 2])
def test_cross_entropy_of_a_tap(gamma):
    logits, label = random(2, 3, 4, 4), torch.randint(0, 3, (2, 8, 8), generator=torch.Generator().manual_seed(0))
    label[0, :3] = 255
    term = TERMS.build(dict(type='TapCrossEntropy', tap='source:aux', loss_weight=2.0, gamma=gamma))
    loss = term.losses('segmentor', Taps({'source:aux': logits, 'source:label': label}))['loss']
    log = F.interpolate(logits, size=(8, 8), mode='bilinear', align_corners=True).log_softmax(1)
    picked = [-log[n, label[n, y, x], y, x] for n in range(2) for y in range(8) for x in range(8) if label[n, y, x] < 3]
    expected = 2.0 * sum((1 - torch.exp(-x)) ** gamma * x for x in picked) / len(picked)
    torch.testing.assert_close(loss, expected, **TOLERANCE)
    ours, theirs = (torch.autograd.grad(x, logits, retain_graph=True)[0] for x in (loss, expected))
    torch.testing.assert_close(ours, theirs, **TOLERANCE)
    nothing = term.losses('segmentor', Taps({'source:aux': logits, 'source:label': torch.full_like(label, 255)}))
    assert nothing['loss'].item() == 0


@pytest.mark.parametrize(('branches', 'classifiers'), [(None, 1), (2, 1), (None, 2)])
def test_the_head_of_deeplab_v2_is_a_sum_of_dilated_convolutions(branches, classifiers):
    head = MODELS.build(
        dict(type='DeepLabV2Head', in_channels=5, num_classes=3, branches=branches, classifiers=classifiers)
    ).double()
    head.init_weights()
    x = random(1, 5, 30, 30)
    by_hand = 0
    for i in range(classifiers):
        for j, dilation in list(enumerate((6, 12, 18, 24)))[:branches]:
            conv = head.classifiers[i].branches[j]
            by_hand = by_hand + F.conv2d(x, conv.weight, conv.bias, padding=dilation, dilation=dilation)
            assert not conv.bias.any() and conv.weight.std().item() == pytest.approx(0.01, rel=0.3)
    torch.testing.assert_close(head((x,)), by_hand, **TOLERANCE)
    assert sum(p.numel() for p in head.parameters()) == classifiers * 4 * (5 * 3 * 9 + 3)
    with pytest.raises(ValueError, match='branches=5 of 4 dilations'):
        MODELS.build(dict(type='DeepLabV2Head', in_channels=5, num_classes=3, branches=5))


def test_the_discriminator_of_fcan():
    network = MODELS.build(dict(type='ASPPDiscriminator', in_channels=6, channels=4)).double()
    x = random(2, 6, 7, 5)
    views = [F.conv2d(x, b.weight, b.bias, padding=d * (b.weight.shape[-1] > 1), dilation=max(d, 1))
             for b, d in zip(network.branches, (0, 2, 3, 4), strict=True)]  # fmt: skip
    pooled = x.mean(dim=(2, 3), keepdim=True)
    views.append(F.conv2d(pooled, network.pooled.weight, network.pooled.bias).expand(2, 4, 7, 5))
    judged = F.conv2d(F.leaky_relu(torch.cat(views, 1), 0.2), network.judge.weight, network.judge.bias)
    torch.testing.assert_close(network(x), 1 / (1 + torch.exp(-judged)), **TOLERANCE)
    full = MODELS.build(dict(type='ASPPDiscriminator', in_channels=2048))
    assert (
        sum(p.numel() for p in full.parameters()) == 2 * (2048 * 128 + 128) + 3 * (2048 * 128 * 9 + 128) + 5 * 128 + 1
    )
    with pytest.raises(ValueError, match='set its in_channels to the channels of the tap'):
        network(x[:, :5])


def test_two_classifiers_train_through_the_wrapper():
    """The taps of CLAN reach a DeepLab-v2 head inside a model, parameters included."""
    model = MODELS.build(
        dict(
            type='DomainAdaptation',
            segmentor=dict(
                type='EncoderDecoder',
                backbone=dict(type='ResNet', depth=18, num_stages=1, strides=(1,), dilations=(1,), out_indices=(0,),
                              base_channels=4),
                decode_head=dict(type='DeepLabV2Head', in_channels=4, num_classes=3, classifiers=2),
                test_cfg=dict(mode='whole'),
            ),
            terms=dict(
                supervised=None,
                first=dict(type='TapCrossEntropy', tap=f'source:{CLASSIFIERS[0]}'),
                second=dict(type='TapCrossEntropy', tap=f'source:{CLASSIFIERS[1]}'),
                differ=dict(type='ParameterSimilarity', first='source:parameters.decode_head.classifiers.0',
                            second='source:parameters.decode_head.classifiers.1'),
                output=dict(type='DiscrepancyAlignment', source='source:logits', target='target:logits',
                            resize_to='image', activation='softmax',
                            discriminator=dict(type='FCDiscriminator', in_channels=3, base_channels=2),
                            loss=dict(type='GANLoss', gan_type='vanilla')),
            ),
        )
    )  # fmt: skip
    from mmengine.structures import PixelData
    from mmseg.structures import SegDataSample

    samples = [SegDataSample() for _ in range(2)]
    for sample in samples:
        sample.gt_sem_seg = PixelData(data=torch.randint(0, 3, (1, 64, 64)))
    image = torch.rand(2, 3, 64, 64)
    batch = dict(source=dict(inputs=image, data_samples=samples), target=dict(inputs=1 - image, data_samples=samples))
    names = model.available_losses(model.stage)
    context = model.build_context(batch, names, torch.enable_grad)
    losses = {}
    for name in names:
        losses.update(model.compute_losses(name, context))
    w = [torch.cat([p.flatten() for p in c.parameters()]) for c in model.segmentor.decode_head.classifiers]
    torch.testing.assert_close(losses['differ.loss'], 0.01 * (F.cosine_similarity(*w, dim=0) + 1))
    sum(value for key, value in losses.items() if 'loss' in key.rpartition('.')[2]).backward()
    assert all(p.grad is not None for p in model.segmentor.decode_head.parameters())
    with pytest.raises(ValueError, match="has no submodule 'decode_head.classifiers.2'"):
        model.adapter.check(model.segmentor, 'source:parameters.decode_head.classifiers.2')
