"""What a user gets wrong is told at build; views, teacher and prediction go where the config says."""

import pytest
import torch
from mmengine.config import ConfigDict

from mmuda.registry import MODELS
from mmuda.utils.errors import UserError
from tests.helpers.compositions import OUTPUT, STAGES, TWO_OPTIMIZERS
from tests.helpers.toy import KillHook, batch, build_runner, config, plain_segmentor, segmentor


def build(terms=None, **kwargs):
    kwargs.setdefault('segmentor', plain_segmentor())
    return MODELS.build(ConfigDict(type='DomainAdaptation', terms=terms or {}, **kwargs))


@pytest.mark.parametrize(
    ('terms', 'message'),
    [
        (
            dict(output=dict(OUTPUT, source='source:probs', target='target:probs')),
            "'source:probs' is not offered by EncoderDecoder; it offers cells, features",
        ),
        (
            dict(output=dict(OUTPUT, source='source:aux.0.prob', target='target:aux.0.prob')),
            "'source:aux.0.prob' is not offered by EncoderDecoder",
        ),
        (
            dict(output=dict(OUTPUT, source='source:module.neck.conv', target='target:module.neck.conv')),
            "EncoderDecoder has no submodule 'neck.conv'",
        ),
        (dict(output=dict(OUTPUT, target='target@teacher:prob')), r'keeps none; give `ema=dict\(momentum=\.\.\.\)`'),
        (dict(x=dict(type='TapLoss', tap='prob', loss=dict(type='TotalVariationLoss'))), "addressed as 'view:tap'"),
    ],
)
def test_an_unknown_tap_is_one_sentence_at_build(terms, message):
    with pytest.raises(ValueError, match=message):
        build(terms)


def test_unknown_names_of_a_stage_stop_the_run_before_its_first_iteration(tmp_path):
    model = dict(type='DomainAdaptation', segmentor=segmentor(), terms=dict(output=OUTPUT))

    def message(second_stage, model=model):
        cfg = config(model, [STAGES[0], dict(name='b', iters=1, **second_stage)], TWO_OPTIMIZERS)
        # The hook would raise at the first iteration.
        runner = build_runner(cfg, tmp_path, (KillHook(0),))
        with pytest.raises(ValueError) as raised:
            runner.train()
        return str(raised.value)

    assert "Stage 'b' names the terms ['outptu']" in message(dict(terms=['outptu']))
    assert "Stage 'b' names the terms ['outptu']" in message(dict(weights=dict(outptu=2.0)))
    assert "Stage 'b', trainable: the pattern 'segmentr' matches nothing" in message(dict(trainable=['segmentr']))
    step = dict(name='all', losses=['*.segmentor'], optimizers=['segmentors'], forward='fresh')
    assert "names the optimisers ['segmentors'], but optim_wrapper has" in message(dict(plan=[step]))
    other = dict(model, terms=dict(output=dict(OUTPUT, target='tagret:prob')))
    assert "Stage 'b' reads ['tagret']: the loader gives the streams ['source', 'target']" in message({}, model=other)


def test_a_term_set_to_none_is_left_out_of_stages_and_plans_that_name_it():
    plan = [
        dict(name='g', losses=['*.segmentor'], optimizers=['segmentor'], forward='fresh'),
        dict(name='d', losses=['output.discriminator'], optimizers=['discriminator'], detach=True),
    ]
    model = build(dict(output=None), plan=plan)
    model.set_stage(dict(terms=['supervised', 'output'], weights=dict(output=2.0)))
    assert model.active_terms(model.stage) == ['supervised']
    assert model.available_losses(model.stage) == ['supervised.segmentor']


def test_the_teacher_starts_from_the_student_and_predicts_where_asked():
    model = build(ema=dict(momentum=0.1, evaluate=True))
    model.init_weights()
    for ours, theirs in zip(model.segmentor.parameters(), model.teacher.module.parameters(), strict=True):
        assert torch.equal(ours, theirs)
    torch.nn.init.zeros_(model.segmentor.decode_head.conv_seg.weight)
    images = torch.rand(1, 3, 16, 16)
    model.eval()
    assert torch.equal(model(images), model.teacher.module(images))
    assert not torch.equal(model(images), model.segmentor(images))
    assert torch.equal(model.train()(images), model.segmentor(images))


def test_prediction_is_that_of_the_segmentor_with_the_statistics_of_the_domain():
    model = build(data_preprocessor=dict(type='UDADataPreprocessor', streams=dict(source=dict(mean=[0] * 3)))).eval()
    data = batch(size=1)['target']
    for domain, mean in (('target', 127.5), ('source', 0.0)):
        data['data_samples'][0].set_metainfo(dict(domain=domain))
        (sample,) = model.val_step(data)
        logits = model.segmentor((data['inputs'][0][None] - mean) / 127.5)
        assert torch.equal(sample.pred_sem_seg.data[0], logits.argmax(1)[0])


def test_names_of_parameters_are_those_of_the_networks():
    names = {name.rpartition('.')[0] for name, _ in build(dict(output=OUTPUT)).named_parameters()}
    assert names == {
        'segmentor.backbone.conv1',
        'segmentor.backbone.conv2',
        'segmentor.decode_head.conv_seg',
        'terms.output.discriminator.conv1',
        'terms.output.discriminator.conv2',
    }


def test_a_submodule_that_gives_a_tuple_is_no_tap():
    model = build(dict(output=dict(OUTPUT, source='source:module.backbone', target='target:module.backbone')))
    data = model.data_preprocessor(batch(), training=True)
    context = model.build_context(data, ['output.segmentor'], torch.no_grad)
    with pytest.raises(UserError, match=r"Tap 'module\.backbone': this submodule gives a tuple, not a tensor"):
        context.tap('target:module.backbone')


def test_a_tap_of_a_submodule_is_its_output():
    model = build(
        dict(output=dict(OUTPUT, source='source:module.backbone.conv1', target='target:module.backbone.conv1'))
    )
    data = model.data_preprocessor(batch(), training=True)
    context = model.build_context(data, ['output.discriminator'], torch.no_grad)
    expected = model.segmentor.backbone.conv1(data['target']['inputs'])
    assert torch.equal(context.tap('target:module.backbone.conv1'), expected)
    assert not model.segmentor.backbone.conv1._forward_hooks


def test_the_order_of_a_config_does_not_change_the_weights():
    states = []
    for names in (('zebra', 'apple'), ('apple', 'zebra')):
        torch.manual_seed(0)
        states.append(build({name: dict(OUTPUT) for name in names}).state_dict())
    assert list(states[0]) == list(states[1])
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])
