"""An update by the wrapper equals the same update done by hand; only what is read is computed."""

import copy
import uuid

import pytest
import torch
import torch.nn.functional as F
from mmengine.logging import MessageHub

from mmuda.engine import NamedOptimWrapperConstructor, SyncOptimWrapper
from mmuda.models.views import View
from mmuda.models.wrappers import Stage, Step
from mmuda.registry import MODELS, VIEWS
from mmuda.testing.toy import batch, plain_segmentor, segmentor
from tests.helpers.compositions import OUTPUT

RATE = 0.1
GENERATOR = dict(name='segmentor', losses=['*.segmentor'], optimizers=['segmentor'], forward='fresh')
DISCRIMINATOR = dict(name='discriminator', losses=['*.discriminator'], optimizers=['discriminator'], detach=True)


def build(terms=None, network=None, **kwargs):
    torch.manual_seed(1)
    return MODELS.build(
        dict(type='DomainAdaptation', segmentor=network or plain_segmentor(), terms=terms or {}, **kwargs)
    )


def optimizers_of(model, **kwargs):
    sgd = dict(optimizer=dict(type='SGD', lr=RATE), **kwargs)
    cfgs = dict(segmentor=dict(params=['segmentor'], **sgd))
    if any('discriminator' in name for name, _ in model.named_parameters()):
        cfgs['discriminator'] = dict(params=['terms.*.discriminator'], **sgd)
    return NamedOptimWrapperConstructor(cfgs)(model)


def count_forwards(model, *paths):
    counts = dict.fromkeys(paths, 0)

    def counter(path):
        def add(*_):
            counts[path] += 1

        return add

    for path in paths:
        model.get_submodule(path).register_forward_hook(counter(path))
    return counts


def adversarial(gan, logits, label, train_discriminator):
    """The GAN losses as the papers write them; label 0 is source, 1 target."""
    if gan == 'vanilla':
        return -(logits.sigmoid() if label else 1 - logits.sigmoid()).log().mean()
    if gan == 'lsgan':
        return ((logits - label) ** 2).mean()
    sign = 1 if label else -1
    if gan == 'hinge' and train_discriminator:
        return torch.clamp(1 - sign * logits, min=0).mean()
    return -(sign * logits).mean()


def forward_by_hand(network, data, resize):
    image = torch.stack(data['inputs']) / 127.5 - 1
    backbone = network.backbone
    logits = network.decode_head.conv_seg(backbone.conv2(backbone.conv1(image).relu()).relu())
    prob = logits.softmax(1)
    return logits, F.interpolate(prob, image.shape[-2:], mode='bilinear', align_corners=True) if resize else prob


def descend(module, loss):
    parameters = list(module.parameters())
    for parameter, gradient in zip(parameters, torch.autograd.grad(loss, parameters), strict=True):
        parameter.data -= RATE * gradient


def update_by_hand(model, data, gan, moved, resize, penalty):
    network, discriminator = model.segmentor, model.terms['output'].discriminator
    logits, prob = {}, {}
    for domain in ('source', 'target'):
        logits[domain], prob[domain] = forward_by_hand(network, data[domain], resize)
    labels = torch.stack([sample.gt_sem_seg.data[0] for sample in data['source']['data_samples']])
    scores = F.interpolate(logits['source'], labels.shape[-2:], mode='bilinear', align_corners=False)
    loss = F.cross_entropy(scores, labels)
    opposite = dict(source=1, target=0)
    for domain in moved:
        loss = loss + 0.3 * adversarial(gan, discriminator(prob[domain]), opposite[domain], False)
    descend(network, loss)
    if 'target' not in moved:
        # Nothing read it before the segmentor stepped, so the discriminator's step is the first to forward it.
        prob['target'] = forward_by_hand(network, data['target'], resize)[1]
    source, target = prob['source'].detach(), prob['target'].detach()
    loss = adversarial(gan, discriminator(source), 0, True) + adversarial(gan, discriminator(target), 1, True)
    loss = 0.5 * loss
    if penalty:
        share = torch.rand(len(source), 1, 1, 1)
        middle = (share * source + (1 - share) * target).requires_grad_(True)
        (gradient,) = torch.autograd.grad(discriminator(middle).sum(), middle, create_graph=True)
        loss = loss + penalty * ((gradient.flatten(1).norm(dim=1) - 1) ** 2).mean()
    descend(discriminator, loss)


@pytest.mark.parametrize(
    ('gan', 'moved', 'options'),
    [
        ('vanilla', ['target'], {}),
        ('lsgan', ['target'], {}),
        ('hinge', ['target'], {}),
        ('wgan', ['target'], {}),
        ('vanilla', ['source'], dict(moves='source')),
        ('lsgan', ['source', 'target'], dict(moves='both')),
        ('vanilla', ['target'], dict(resize_to='image')),
        ('wgan', ['target'], dict(gradient_penalty=10.0)),
    ],
)
def test_an_update_equals_the_one_by_hand(gan, moved, options):
    term = dict(OUTPUT, loss=dict(type='GANLoss', gan_type=gan), loss_weight=0.3, **options)
    model = build(dict(output=term), plain_segmentor(stride=2))
    by_hand, data = copy.deepcopy(model), batch(target=0.5)
    torch.manual_seed(5)
    model.train_step(data, optimizers_of(model))
    torch.manual_seed(5)
    update_by_hand(by_hand, data, gan, moved, 'resize_to' in options, options.get('gradient_penalty', 0))
    for (name, ours), theirs in zip(model.named_parameters(), by_hand.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-6, msg=lambda m, n=name: f'{n}: {m}')


def test_gradient_reversal_equals_descent_and_ascent():
    plan = [dict(GENERATOR, losses=['output.reversal'], optimizers=['segmentor', 'discriminator'])]
    model = build(dict(output=dict(OUTPUT, reversal_strength=0.7), supervised=None), plan=plan)
    by_hand, data = copy.deepcopy(model), batch(target=0.5)
    model.train_step(data, optimizers_of(model))
    network, discriminator = by_hand.segmentor, by_hand.terms['output'].discriminator
    probs = [forward_by_hand(network, data[domain], False)[1] for domain in ('source', 'target')]
    loss = 0.5 * sum(adversarial('vanilla', discriminator(prob), label, True) for label, prob in enumerate(probs))
    parameters = [*network.parameters(), *discriminator.parameters()]
    gradients = torch.autograd.grad(loss, parameters)
    segmentor_size = len(list(network.parameters()))
    for i, (parameter, gradient) in enumerate(zip(parameters, gradients, strict=True)):
        parameter.data -= RATE * (gradient if i >= segmentor_size else -0.7 * gradient)
    for ours, theirs in zip(model.parameters(), by_hand.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-6)


def test_only_what_is_read_is_computed():
    paths = ('segmentor.backbone', 'segmentor.decode_head', 'segmentor.auxiliary_head')
    feature = dict(
        OUTPUT,
        source='source:features.1',
        target='target:features.1',
        discriminator=dict(type='ToyDiscriminator', in_channels=4),
    )
    model = build(dict(feature=feature), segmentor(auxiliary=True))
    counts = count_forwards(model, *paths)
    model.train_step(batch(), optimizers_of(model))
    assert list(counts.values()) == [2, 1, 1]  # the target only as far as the tap
    model.set_stage(dict(terms=['feature']))
    counts.update(dict.fromkeys(counts, 0))
    model.train_step(batch(), optimizers_of(model))
    assert list(counts.values()) == [2, 0, 0]


@pytest.mark.parametrize(
    ('plan', 'forwards'),
    [
        ([GENERATOR, DISCRIMINATOR], 2),
        ([GENERATOR, dict(DISCRIMINATOR, repeat=3)], 2),
        ([dict(DISCRIMINATOR, repeat=3), dict(GENERATOR, forward='reuse')], 4),  # the latter needs a graph
        ([dict(GENERATOR, repeat=2), DISCRIMINATOR], 4),
        ([GENERATOR, DISCRIMINATOR, dict(GENERATOR, name='again', forward='reuse')], 4),
        ([GENERATOR, dict(DISCRIMINATOR, repeat=3, forward='fresh')], 8),
    ],
)
def test_steps_share_forwards_unless_a_graph_was_freed(plan, forwards):
    model = build(dict(output=OUTPUT), plan=plan)
    counts = count_forwards(model, 'segmentor.backbone')
    before = copy.deepcopy(model)
    log = model.train_step(batch(), optimizers_of(model))
    assert counts['segmentor.backbone'] == forwards
    assert all(not torch.equal(a, b) for a, b in zip(model.parameters(), before.parameters(), strict=True))
    assert set(log) >= {f'{step["name"]}.loss' for step in plan}


def test_what_a_step_trains_follows_plan_stage_and_build():
    network = plain_segmentor()
    model = build(dict(output=OUTPUT), network)
    model.segmentor.backbone.conv1.weight.requires_grad_(False)
    wrappers = optimizers_of(model)
    model.set_stage(dict(trainable=['!segmentor.decode_head']))
    seen = {}
    for name, wrapper in wrappers.items():
        wrapper.optimizer.register_step_pre_hook(
            lambda *_, name=name: seen.update({name: [k for k, p in model.named_parameters() if p.grad is not None]})
        )
    model.train_step(batch(), wrappers)
    assert seen['segmentor'] == [f'segmentor.backbone.{key}' for key in ('conv1.bias', 'conv2.weight', 'conv2.bias')]
    assert len(seen['discriminator']) == 4 and all('discriminator' in key for key in seen['discriminator'])
    model.set_stage(Stage())
    model.train_step(batch(), wrappers)
    assert len(seen['segmentor']) == 5 and 'segmentor.backbone.conv1.weight' not in seen['segmentor']


def test_a_loss_that_is_not_finite_stops_and_changes_nothing():
    MessageHub.get_instance(uuid.uuid4().hex)  # else the iteration is that of the last run of another test
    model = build(dict(output=dict(OUTPUT, loss_weight=float('inf'))))
    before = copy.deepcopy(model.state_dict())
    with pytest.raises(FloatingPointError, match=r"Iteration 1, step 'segmentor': .*output\.loss_adversarial = inf"):
        model.train_step(batch(), optimizers_of(model))
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())


def test_accumulated_gradients_are_those_of_the_double_batch():
    accumulating, whole = build(dict(output=OUTPUT)), build(dict(output=OUTPUT))
    data = batch(size=4)
    halves = [{s: {k: v[i : i + 2] for k, v in d.items()} for s, d in data.items()} for i in (0, 2)]
    wrappers = optimizers_of(accumulating, accumulative_counts=2)
    before = copy.deepcopy(accumulating)
    accumulating.train_step(halves[0], wrappers)
    assert all(torch.equal(a, b) for a, b in zip(accumulating.parameters(), before.parameters(), strict=True))
    accumulating.train_step(halves[1], wrappers)
    whole.train_step(data, optimizers_of(whole))
    for ours, theirs in zip(accumulating.parameters(), whole.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-6)


def test_the_weights_of_a_stage_scale_losses_and_not_what_is_logged_besides():
    logs = []
    for weights in ({}, dict(supervised=3.0)):
        model = build()
        model.set_stage(dict(weights=weights))
        logs.append(model.train_step(batch(), optimizers_of(model)))
    torch.testing.assert_close(logs[1]['supervised.decode.loss_ce'], 3 * logs[0]['supervised.decode.loss_ce'])
    assert torch.equal(logs[1]['supervised.decode.acc_seg'], logs[0]['supervised.decode.acc_seg'])


def test_the_teacher_is_the_moving_average():
    model = build(ema=dict(momentum=0.25))
    model.init_weights()
    average = copy.deepcopy(model.segmentor.state_dict())
    wrappers = optimizers_of(model)
    for i in range(3):
        model.train_step(batch(), wrappers)
        # After update t the teacher keeps at most 1 - 1 / (t + 1) of itself: DACS's warm-up.
        share = max(1 / (i + 2), 0.25)
        for key, value in model.segmentor.named_parameters():
            average[key] = (1 - share) * average[key] + share * value
    for key, value in model.teacher.module.named_parameters():
        torch.testing.assert_close(value, average[key])
    for own, buffer in zip(model.teacher.module.buffers(), model.segmentor.buffers(), strict=True):
        torch.testing.assert_close(own, buffer)


def test_a_single_optimiser_trains_terms_without_discriminators():
    model, by_hand, data = build(), build(), batch()
    wrapper = SyncOptimWrapper(torch.optim.SGD(model.parameters(), lr=RATE))
    model.check_optimizers(Stage(), wrapper)
    model.train_step(data, wrapper)
    labels = torch.stack([sample.gt_sem_seg.data[0] for sample in data['source']['data_samples']])
    descend(by_hand.segmentor, F.cross_entropy(forward_by_hand(by_hand.segmentor, data['source'], False)[0], labels))
    for ours, theirs in zip(model.parameters(), by_hand.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs)
    model = build(dict(output=OUTPUT))
    with pytest.raises(ValueError, match='optim_wrapper is a single one'):
        model.check_optimizers(Stage(), SyncOptimWrapper(torch.optim.SGD(model.parameters(), lr=RATE)))


def test_a_view_built_in_a_detached_step_does_not_cut_the_graph_of_the_next():
    VIEWS.register_module(name='Brightened', module=Brightened, force=True)
    plan = [DISCRIMINATOR, dict(GENERATOR, forward='reuse')]
    term = dict(
        OUTPUT,
        source='source:image',
        target='brightened:image',
        discriminator=dict(type='ToyDiscriminator', in_channels=3),
    )
    model = build(dict(output=term, supervised=None), plan=plan, views=dict(brightened=dict(type='Brightened')))
    before = copy.deepcopy(model.segmentor)
    model.train_step(batch(), optimizers_of(model))
    assert not torch.equal(before.decode_head.conv_seg.weight, model.segmentor.decode_head.conv_seg.weight)


class Brightened(View):
    """An image that depends on the segmentor's prediction."""

    network = 'student'

    def reads(self):
        return {'target:image', 'target:prob'}

    def build(self, context):
        image = context.tap('target:image') + context.tap('target:prob')
        return {**context.batch('target'), 'inputs': image}


def test_what_a_plan_may_not_say():
    with pytest.raises(ValueError, match=r"Step 'x' of the plan has unknown keys \['optimiser'\]"):
        Step.from_cfg(dict(name='x', losses=[], optimizers=[], optimiser=1))
    with pytest.raises(ValueError, match="forward='again'; give 'fresh' or 'reuse'"):
        Step.from_cfg(dict(name='x', losses=[], optimizers=[], forward='again'))
    with pytest.raises(ValueError, match='every=0, repeat=1; both must be at least 1'):
        Step.from_cfg(dict(name='x', losses=[], optimizers=[], every=0))
    with pytest.raises(ValueError, match=r"Stage 'x' has unknown keys \['terns'\]"):
        Stage.from_cfg(dict(name='x', terns=[]))
    with pytest.raises(ValueError, match="Stage 'x': iters=0"):
        Stage.from_cfg(dict(name='x', iters=0))
    with pytest.raises(ValueError, match=r"names the losses 'outptu\.discriminator'; the model has \['output"):
        build(dict(output=OUTPUT), plan=[GENERATOR, dict(DISCRIMINATOR, losses=['outptu.discriminator'])])
    with pytest.raises(ValueError, match=r"names the losses '\*\.discriminatr'; the model has \['output"):
        build(dict(output=OUTPUT), plan=[GENERATOR, dict(DISCRIMINATOR, losses=['*.discriminatr'])])
    with pytest.raises(ValueError, match="Stage 'train' has nothing to train"):
        build(plan=[DISCRIMINATOR])
    model = build(dict(output=OUTPUT))
    plan = [GENERATOR, dict(DISCRIMINATOR, optimizers=['critics'])]
    with pytest.raises(ValueError, match=r"names the optimisers \['critics'\], but optim_wrapper has \['segmentor', "):
        model.check_optimizers(Stage.from_cfg(dict(plan=plan)), optimizers_of(model))
    with pytest.raises(ValueError, match=r"'discriminator' in stage 'x' trains nothing: .* own none of its trainable"):
        model.check_optimizers(Stage.from_cfg(dict(name='x', trainable=['segmentor'])), optimizers_of(model))


def test_optimisers_that_would_mix_gradients_or_loss_scales_are_refused():
    model = build(dict(output=OUTPUT))
    both = dict(DISCRIMINATOR, losses=['output.reversal'], optimizers=['segmentor', 'discriminator'], detach=False)
    stage = Stage.from_cfg(dict(plan=[GENERATOR, both]))
    model.check_optimizers(stage, optimizers_of(model))
    with pytest.raises(ValueError, match='train the same parameters in different steps and accumulate'):
        model.check_optimizers(stage, optimizers_of(model, accumulative_counts=2))
    wrappers = optimizers_of(model)
    wrappers['discriminator'].loss_scaler = object()
    with pytest.raises(ValueError, match='from one backward pass, but they differ in accumulative_counts or in float'):
        model.check_optimizers(stage, wrappers)


def test_a_teacher_is_kept_with_any_options():
    assert build(ema=dict(evaluate=True)).teacher is not None
    assert build().teacher is None


def test_what_is_not_finite_names_network_iteration_and_files():
    data = batch()
    for name in ('source', 'target'):
        for i, sample in enumerate(data[name]['data_samples']):
            sample.set_metainfo(dict(img_path=f'{name}_{i}.tif', window=(0, i, 16, 16)))
    model = build(dict(output=OUTPUT))
    before = copy.deepcopy(model.state_dict())
    model.terms['output'].discriminator.conv1.weight.register_hook(lambda grad: grad * float('nan'))
    pattern = (
        r"Iteration 1, step 'discriminator': the gradient of output.discriminator is not finite\. .*source: "
        r'source_0\.tif at \(0, 0, 16, 16\), source_1\.tif at \(0, 1, 16, 16\); target: target_0'
    )
    with pytest.raises(FloatingPointError, match=pattern):
        model.train_step(data, optimizers_of(model))
    after = model.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before if name.startswith('terms'))
