"""Which optimiser owns which parameter; averaged gradients; counts of accumulation."""

import copy
import socket

import pytest
import torch
from mmengine.logging import MMLogger
from torch import multiprocessing

from mmuda.engine import NamedOptimWrapperConstructor, SyncOptimWrapper
from mmuda.engine.optimizers.constructor import restrict
from mmuda.models.wrappers.update import update_params
from mmuda.registry import MODELS
from mmuda.testing.toy import batch, plain_segmentor, segmentor
from tests.helpers.compositions import OUTPUT

SGD = dict(type='SGD', lr=0.1)


def build(network=None):
    return MODELS.build(
        dict(type='DomainAdaptation', segmentor=network or plain_segmentor(), terms=dict(output=OUTPUT))
    )


def owners(model, **cfgs):
    """``{optimiser: names of its parameters}``."""
    names = {id(p): name for name, p in model.named_parameters()}
    wrappers = NamedOptimWrapperConstructor(cfgs)(model)
    return {
        key: {names[id(p)] for group in wrapper.optimizer.param_groups for p in group['params']}
        for key, wrapper in wrappers.items()
    }


def test_patterns_pick_parameters_and_two_optimisers_may_share_them():
    model = build()
    names = {name for name, _ in model.named_parameters()}
    owned = owners(
        model,
        task=dict(params=['segmentor'], optimizer=SGD),
        encoder=dict(params=['segmentor', '!segmentor.decode_head'], optimizer=SGD),
        terms=dict(optimizer=SGD),
        left_out=None,
    )
    assert owned == dict(
        task={name for name in names if name.startswith('segmentor')},
        encoder={name for name in names if name.startswith('segmentor.backbone')},
        terms={name for name in names if name.startswith('terms')},
    )


def test_orphans_and_patterns_that_pick_nothing_are_refused():
    model = build()
    with pytest.raises(ValueError, match=r"4 trainable parameters belong to no optimiser, for example \['terms\.outp"):
        owners(model, segmentor=dict(params='segmentor', optimizer=SGD))
    with pytest.raises(ValueError, match=r"optim_wrapper\.net .*the pattern 'net' matches nothing; name"):
        owners(model, net=dict(optimizer=SGD))
    with pytest.raises(ValueError, match="optim_wrapper.segmentor has no 'optimizer'"):
        owners(model, segmentor=dict(params=['segmentor']))
    model.terms.requires_grad_(False)
    assert set(owners(model, segmentor=dict(params='segmentor', optimizer=SGD))) == {'segmentor'}


def test_a_config_can_be_used_twice():
    cfg = dict(all=dict(params=['segmentor', 'terms'], optimizer=SGD))
    before = copy.deepcopy(cfg)
    assert owners(build(), **cfg).keys() == owners(build(), **cfg).keys()
    assert cfg == before


def test_paramwise_settings_see_names_and_norm_layers_of_the_whole_model():
    model = build(segmentor())
    paramwise = dict(norm_decay_mult=0.0, custom_keys={'segmentor.decode_head': dict(lr_mult=10.0)})
    wrappers = NamedOptimWrapperConstructor(
        dict(
            segmentor=dict(params=['segmentor'], optimizer=dict(SGD, weight_decay=0.5), paramwise_cfg=paramwise),
            rest=dict(params=['terms'], optimizer=SGD),
        )
    )(model)
    groups = {id(p): group for group in wrappers['segmentor'].optimizer.param_groups for p in group['params']}
    network = model.segmentor
    assert groups[id(network.decode_head.conv_seg.weight)]['lr'] == pytest.approx(1.0)
    assert groups[id(network.backbone.conv1.weight)]['lr'] == pytest.approx(0.1)
    assert groups[id(network.backbone.norm.weight)]['weight_decay'] == 0
    assert groups[id(network.backbone.conv2.weight)]['weight_decay'] == 0.5


def test_settings_by_parameter_are_one_line(caplog):
    model = build(segmentor())
    logger = MMLogger.get_current_instance()
    logger.addHandler(caplog.handler)
    settings = dict(optimizer=dict(SGD, weight_decay=0.1), paramwise_cfg=dict(norm_decay_mult=0.0))
    try:
        owners(model, segmentor=settings, terms=dict(optimizer=SGD))
        logger.info('paramwise_options of somebody else')
    finally:
        logger.removeHandler(caplog.handler)
    norms = [
        p
        for m in model.segmentor.modules()
        if isinstance(m, torch.nn.modules.batchnorm._BatchNorm)
        for p in m.parameters()
    ]
    told = [record.getMessage() for record in caplog.records if record.levelname == 'INFO']
    assert len(told) == 3 and told[0].endswith(f'; weight_decay=0 of {len(norms)} tensors') and len(norms) > 0
    assert told[1].endswith("by ['terms']") and told[2] == 'paramwise_options of somebody else'


def test_restrict_shares_parameters_and_leaves_the_model_as_it_is():
    model = build()
    before = [name for name, _ in model.named_parameters()]
    part = restrict(model, {'segmentor.backbone.conv1.weight', 'terms.output.discriminator.conv2.bias'})
    assert dict(part.named_parameters()).keys() == {
        'segmentor.backbone.conv1.weight',
        'terms.output.discriminator.conv2.bias',
    }
    assert part.segmentor.backbone.conv1.weight is model.segmentor.backbone.conv1.weight
    assert type(part) is type(model)
    assert [name for name, _ in model.named_parameters()] == before


def test_the_norm_of_gradients_is_logged_by_network():
    cfgs = dict(segmentor=dict(params='segmentor', optimizer=SGD), discriminator=dict(params='terms', optimizer=SGD))
    model = build()
    wrappers = NamedOptimWrapperConstructor(cfgs)(model)
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    model.train_step(batch(), wrappers)
    scalars = wrappers['segmentor'].message_hub.log_scalars
    # With SGD the gradient is what a parameter has moved, divided by the rate.
    for prefix, key in (('segmentor', 'segmentor.segmentor'), ('terms', 'discriminator.output.discriminator')):
        moved = [(p - before[name]).square().sum() for name, p in model.named_parameters() if name.startswith(prefix)]
        norm = sum(moved).sqrt() / SGD['lr']
        assert scalars[f'train/{key}.grad_norm'].current() == pytest.approx(norm.item(), rel=1e-4)


def test_each_network_is_clipped_by_itself():
    large, small = torch.nn.Parameter(torch.zeros(2)), torch.nn.Parameter(torch.zeros(2))
    for options, moved in ((dict(max_norm=1.0), (0.6, 0.8)), (dict(type='value', clip_value=2.0), (2.0, 2.0))):
        large.data.zero_(), small.data.zero_()
        wrapper = SyncOptimWrapper(torch.optim.SGD([large, small], lr=1.0), clip_grad=options)
        wrapper.set_networks('both', dict(large=[large], small=[small]))
        wrapper.update_params((large * torch.tensor([3.0, 4.0])).sum() + 0.5 * small.sum())
        torch.testing.assert_close(-large.data, torch.tensor(moved))
        torch.testing.assert_close(-small.data, torch.tensor([0.5, 0.5]))  # its norm is below 1


def test_a_gradient_that_is_not_finite_names_the_network_and_moves_nothing():
    good, bad = torch.nn.Parameter(torch.ones(2)), torch.nn.Parameter(torch.zeros(2))
    wrapper = SyncOptimWrapper(torch.optim.SGD([good, bad], lr=1.0))
    wrapper.set_networks('both', dict(good=[good], bad=[bad]))
    with pytest.raises(FloatingPointError, match='the gradient of bad is not finite'):
        wrapper.update_params(good.sum() + bad.sqrt().sum())  # a finite loss
    assert good.tolist() == [1, 1] and bad.tolist() == [0, 0]


def test_no_optimiser_of_a_step_moves_if_another_has_a_bad_gradient():
    good, bad = torch.nn.Parameter(torch.ones(2)), torch.nn.Parameter(torch.zeros(2))
    wrappers = [SyncOptimWrapper(torch.optim.SGD([parameter], lr=1.0)) for parameter in (good, bad)]
    wrappers[1].set_networks('discriminator', dict(critic=[bad]))
    with pytest.raises(FloatingPointError, match='the gradient of critic is not finite'):
        update_params(wrappers, good.sum() + bad.sqrt().sum())
    assert good.tolist() == [1, 1]


def test_members_count_their_iterations_after_a_resume():
    wrappers = NamedOptimWrapperConstructor(dict(all=dict(params=['segmentor', 'terms'], optimizer=SGD)))(build())
    wrappers.initialize_count_status(torch.nn.Identity(), 6, 10)
    assert (wrappers['all']._inner_count, wrappers['all']._max_counts) == (6, 10)


def test_autocast_reaches_the_forward_and_other_types_are_refused():
    layer = torch.nn.Linear(2, 2)
    wrapper = SyncOptimWrapper(torch.optim.SGD(layer.parameters(), lr=0.1), dtype='bfloat16')
    with wrapper.optim_context(layer):
        assert layer(torch.rand(1, 2)).dtype == torch.bfloat16
    assert layer(torch.rand(1, 2)).dtype == torch.float32
    with pytest.raises(ValueError, match=r"dtype='float16' is not known; give 'bfloat16' or None, or SyncAmp"):
        SyncOptimWrapper(torch.optim.SGD(layer.parameters(), lr=0.1), dtype='float16')


def _step_of_rank(rank, port, folder):
    torch.set_num_threads(1)
    torch.distributed.init_process_group('gloo', f'tcp://127.0.0.1:{port}', rank=rank, world_size=2)
    used, used_by_one, unused = (torch.nn.Parameter(torch.zeros(2)) for _ in range(3))
    wrapper = SyncOptimWrapper(torch.optim.SGD([used, used_by_one, unused], lr=1.0, weight_decay=0.1))
    unused.data.fill_(1.0)
    loss = (used * torch.tensor([1.0, 3.0]) * (rank + 1)).sum()
    if rank == 0:
        loss = loss + 4 * used_by_one.sum()
    # Two backwards before one step: what mmengine's DDP gets wrong.
    loss.backward(retain_graph=True)
    loss.backward()
    wrapper.step()
    torch.save([used.data, used_by_one.data, unused.data], f'{folder}/{rank}.pth')
    torch.distributed.destroy_process_group()


def test_gradients_are_averaged_over_ranks(tmp_path):
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        port = free.getsockname()[1]
    context = multiprocessing.get_context('fork')
    ranks = [context.Process(target=_step_of_rank, args=(rank, port, str(tmp_path))) for rank in range(2)]
    for process in ranks:
        process.start()
    for process in ranks:
        process.join(60)
    assert [process.exitcode for process in ranks] == [0, 0]
    for rank in range(2):
        used, used_by_one, unused = torch.load(tmp_path / f'{rank}.pth', weights_only=True)
        # Mean of the ranks' gradients 2 * (1, 3) and 4 * (1, 3); of 8 and none; untouched where none had any.
        assert used.tolist() == [-3.0, -9.0]
        assert used_by_one.tolist() == [-4.0, -4.0]
        assert unused.tolist() == [1.0, 1.0]


def test_settings_beside_the_optimisers_are_refused():
    with pytest.raises(ValueError, match=r'would apply to no optimiser; .* optim_wrapper\.all\.paramwise_cfg'):
        NamedOptimWrapperConstructor(dict(all=dict(optimizer=SGD)), paramwise_cfg=dict(norm_decay_mult=0))
