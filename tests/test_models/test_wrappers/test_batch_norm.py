"""Whose forwards move the running statistics of batch norm."""

import pytest
import torch
from mmengine.config import ConfigDict

from mmuda.registry import MODELS
from mmuda.testing.toy import batch, segmentor
from tests.helpers.compositions import OUTPUT, TWO_OPTIMIZERS
from tests.helpers.toy import build_runner, config

FORWARD = dict(target=dict(type='ForwardTerm'))


class Recorder:
    """Keeps what the norm layer read, by forward."""

    def __init__(self, model):
        self.inputs = []
        model.segmentor.backbone.norm.register_forward_hook(
            lambda _, inputs, __: self.inputs.append(inputs[0].detach())
        )


@pytest.mark.parametrize(
    ('batch_norm', 'counts'), [('shared', (0, 1)), ('source', (0,)), ('target', (1,)), (('source', 'target'), (0, 1))]
)
def test_running_statistics_are_averages_over_the_named_streams(tmp_path, batch_norm, counts):
    model = dict(type='DomainAdaptation', segmentor=segmentor(), terms=FORWARD, batch_norm=batch_norm)
    runner = build_runner(
        config(model, [dict(name='all', iters=3)], dict(segmentor=TWO_OPTIMIZERS['segmentor'])), tmp_path
    )
    norm = runner.model.segmentor.backbone.norm
    seen = Recorder(runner.model)
    runner.train()
    assert len(seen.inputs) == 6  # the supervised term reads the source, then nothing but ForwardTerm the target
    mean, variance = torch.zeros(4), torch.ones(4)
    for i, values in enumerate(seen.inputs):
        if i % 2 in counts:  # terms run in the order of their names: supervised (source), target
            flat = values.transpose(0, 1).flatten(1)
            mean = 0.9 * mean + 0.1 * flat.mean(1)
            variance = 0.9 * variance + 0.1 * flat.var(1, unbiased=True)
    torch.testing.assert_close(norm.running_mean, mean, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(norm.running_var, variance, rtol=1e-4, atol=1e-4)
    assert norm.momentum == 0.1


def test_statistics_that_would_stand_still_are_told_before_the_first_iteration(tmp_path):
    model = dict(type='DomainAdaptation', segmentor=segmentor(), batch_norm='target')
    stages = [dict(name='alone', iters=1)]
    runner = build_runner(config(model, stages, dict(segmentor=TWO_OPTIMIZERS['segmentor'])), tmp_path)
    with pytest.raises(ValueError, match=r"Stage 'alone': batch_norm=\['target'\].*'ForwardTerm', tap='target:logits'"):
        runner.train()
    with pytest.raises(ValueError, match="give 'shared', or names of streams"):
        MODELS.build(ConfigDict(type='DomainAdaptation', segmentor=segmentor(), batch_norm=()))


def test_a_stage_with_a_stream_of_its_own_is_checked_too(tmp_path):
    pseudo = dict(type='ToyDataset')
    model = dict(type='DomainAdaptation', segmentor=segmentor(), batch_norm='target',
                 terms=dict(FORWARD, pseudo=dict(type='SupervisedTerm', view='pseudo')))  # fmt: skip
    stages = [
        dict(name='first', iters=1, terms=['supervised', 'target']),
        dict(name='again', iters=1, terms=['supervised', 'pseudo'],
             train_dataloader=dict(dataset=dict(pseudo=pseudo))),
    ]  # fmt: skip

    def train(batch_norm, folder):
        cfg = config(dict(model, batch_norm=batch_norm), stages, dict(segmentor=TWO_OPTIMIZERS['segmentor']))
        build_runner(cfg, tmp_path / folder).train()

    with pytest.raises(ValueError, match=r"Stage 'again': batch_norm=\['target'\]"):
        train('target', 'one')
    train(('target', 'pseudo'), 'two')
    stages[1]['terms'] = ['supervised', 'psuedo']
    model['terms']['psuedo'] = dict(type='SupervisedTerm', view='psuedo')
    with pytest.raises(ValueError, match=r"Stage 'again' reads \['psuedo'\]: the loader gives .*'pseudo'"):
        train('shared', 'three')


def test_the_teachers_forward_and_labels_alone_do_not_count():
    def check(**options):
        model = MODELS.build(
            ConfigDict(
                type='DomainAdaptation', segmentor=segmentor(), batch_norm='target', ema=dict(momentum=0.1), **options
            )
        )
        model.check_streams(model.stage, ['source', 'target'])

    check(terms=FORWARD)
    for address in ('target@teacher:prob', 'target:image'):
        loss = dict(type='TapLoss', tap=address, loss=dict(type='TotalVariationLoss'))
        with pytest.raises(ValueError, match='the running statistics would never be updated'):
            check(terms=dict(other=loss))
    backbone = dict(type='ResNet', depth=18, base_channels=4, with_cp=True)
    with pytest.raises(ValueError, match=r'with_cp=True \(backbone.*Set with_cp=False'):
        model = MODELS.build(
            ConfigDict(
                type='DomainAdaptation', batch_norm='target', terms=FORWARD,
                segmentor=dict(type='EncoderDecoder', backbone=backbone,
                               decode_head=dict(type='FCNHead', in_channels=32, in_index=3, channels=4, num_classes=3)),
            )
        )  # fmt: skip
        model.check_streams(model.stage, ['source', 'target'])


def test_a_forward_term_changes_no_weight(tmp_path):
    """Source statistics, dropout off: the same weights with and without the target's forward."""
    states = []
    for terms in ({}, FORWARD):
        model = dict(type='DomainAdaptation', segmentor=segmentor(dropout_ratio=0), terms=terms, batch_norm='source')
        cfg = config(model, [dict(name='all', iters=3)], dict(segmentor=TWO_OPTIMIZERS['segmentor']))
        runner = build_runner(cfg, tmp_path / str(len(states)))
        runner.train()
        states.append(runner.model.state_dict())
    differing = [name for name in states[0] if not torch.equal(states[0][name], states[1][name])]
    assert differing == ['segmentor.backbone.norm.num_batches_tracked']


def test_a_discriminator_that_reads_the_target_is_enough(tmp_path):
    model = dict(type='DomainAdaptation', segmentor=segmentor(), terms=dict(output=OUTPUT), batch_norm='target')
    runner = build_runner(config(model, [dict(name='all', iters=1)], TWO_OPTIMIZERS), tmp_path)
    runner.train()
    assert runner.model.segmentor.backbone.norm.running_mean.any()


def test_predictions_use_what_was_followed():
    """After many forwards in training mode of domains of unlike contrast, prediction centres the named one."""
    torch.manual_seed(0)
    for name, other in (('source', 'target'), ('target', 'source')):
        model = MODELS.build(
            ConfigDict(type='DomainAdaptation', segmentor=segmentor(), terms=FORWARD, batch_norm=name)
        ).train()
        data = model.data_preprocessor(batch(4, **{name: 1.0, other: 0.2}), training=True)
        names = ['supervised.segmentor', 'target.segmentor']
        for _ in range(60):
            context = model.build_context(data, names, torch.no_grad)
            for stream in ('source', 'target'):
                context.tap(f'{stream}:logits')
        model.eval()
        centred = {}
        for stream in ('source', 'target'):
            values = model.segmentor.backbone.norm(model.segmentor.backbone.conv1(data[stream]['inputs']))
            centred[stream] = values.mean().abs().item()
        assert centred[name] < 0.05 < centred[other]
