"""Methods of different papers, each through the wrapper and a Runner: what moves, resume, two processes."""

import numpy as np
import pytest
import torch
from mmengine.hooks import Hook

from mmuda.testing import differences
from mmuda.testing.processes import finish, start
from tests.helpers import ROOT
from tests.helpers.compositions import (
    COMPOSITIONS,
    clan,
    exemplars,
    reversal,
    self_training,
    several_discriminator_steps,
    srda,
)
from tests.helpers.compositions import three_steps as dann
from tests.helpers.toy import ForwardsHook, KilledError, KillHook, MovesHook, build_runner, state_of

HEAD, BACKBONE = 'segmentor.decode_head', 'segmentor.backbone'


def moves_of(cfg, folder):
    """``[(iteration, optimiser, names that moved)]`` of a run, and the names of all parameters."""
    hook = MovesHook()
    runner = build_runner(cfg, folder, (hook,))
    runner.train()
    return hook.moves, {name for name, _ in runner.model.named_parameters()}


def below(names, *prefixes):
    return {name for name in names if name.startswith(prefixes)}


@pytest.mark.parametrize('name', COMPOSITIONS)
def test_a_killed_run_resumes_to_the_same_bits(name, tmp_path):
    cfg = COMPOSITIONS[name]()
    whole = build_runner(cfg, tmp_path / 'whole')
    whole.train()
    for at in (2, 5):  # inside the first and inside the second stage
        killed = build_runner(cfg, tmp_path / f'killed_{at}', (KillHook(at),), save_at=at)
        with pytest.raises(KilledError):
            killed.train()
        # A new process would not have the state of these generators.
        torch.manual_seed(at)
        np.random.seed(at)
        resumed = build_runner(cfg, tmp_path / f'killed_{at}', resume=True)
        resumed.train()
        assert resumed.iter == whole.iter
        assert differences(state_of(whole), state_of(resumed)) == []


def test_srda_freezes_the_segmentation_in_its_pretraining(tmp_path):
    moves, names = moves_of(srda(), tmp_path)
    super_resolution = below(names, BACKBONE, 'segmentor.sr_head')
    for iteration, optimizer, moved in moves:
        if optimizer == 'segmentor':
            assert moved == (super_resolution if iteration < 3 else below(names, 'segmentor'))
        else:
            own = ('terms.pixel.discriminator',) if iteration < 3 else ('terms.pixel', 'terms.output')
            # A bias before an instance norm has no gradient but rounding.
            assert {n for n in below(names, *own) if n.endswith('weight')} <= moved <= below(names, *own)
    assert [optimizer for _, optimizer, _ in moves] == ['segmentor', 'discriminator'] * 7


def test_dann_in_three_steps(tmp_path):
    moves, names = moves_of(dann(), tmp_path)
    first, second = moves[:3], moves[3:]
    assert [optimizer for _, optimizer, _ in first] == ['task'] * 3
    assert [optimizer for _, optimizer, _ in second] == ['task', 'domain', 'encoder'] * 4
    trained = dict(
        task=below(names, 'segmentor'), domain=below(names, 'terms'), encoder=below(names, BACKBONE)
    )  # fmt: skip
    assert all(moved == trained[optimizer] for _, optimizer, moved in moves)


def test_gradient_reversal_is_one_backward_for_two_optimisers(tmp_path):
    forwards = ForwardsHook([BACKBONE])
    hook = MovesHook()
    runner = build_runner(reversal(), tmp_path, (hook, forwards))
    runner.train()
    names = {name for name, _ in runner.model.named_parameters()}
    trained = dict(segmentor=below(names, 'segmentor'), discriminator=below(names, 'terms'))
    assert [optimizer for _, optimizer, _ in hook.moves] == ['segmentor'] * 3 + ['segmentor', 'discriminator'] * 4
    # Until the segmentor has stepped, the discriminator has its gradient but not moved.
    assert all(moved == trained[optimizer] for _, optimizer, moved in hook.moves)
    assert [count[BACKBONE] for count in forwards.counts.values()] == [1] * 3 + [2] * 4  # source; source and target


def test_several_discriminator_steps_to_one_of_the_generator(tmp_path):
    moves, names = moves_of(several_discriminator_steps(), tmp_path)
    steps = {i: [optimizer for at, optimizer, _ in moves if at == i] for i in range(8)}
    twice = ['discriminator'] * 2
    segment = ['segmentor']
    assert steps == {0: segment, 1: [], 2: segment, 3: twice, 4: twice + segment, 5: twice,
                     6: twice + segment, 7: twice}  # fmt: skip
    trained = dict(segmentor=below(names, 'segmentor'), discriminator=below(names, 'terms'))
    for _, optimizer, moved in moves:
        # What is added to a Wasserstein discriminator cancels: its biases may have no gradient.
        assert {name for name in trained[optimizer] if name.endswith('weight')} <= moved <= trained[optimizer]


def test_clan_weights_by_the_disagreement_of_two_classifiers(tmp_path):
    forwards = ForwardsHook([BACKBONE, HEAD, 'segmentor.auxiliary_head'])
    runner = build_runner(clan(), tmp_path, (forwards,))
    runner.train()
    assert list(forwards.counts[2].values()) == [1, 1, 1]
    assert list(forwards.counts[3].values()) == [2, 2, 2]

    model = runner.model.eval()
    batch = model.data_preprocessor(next(iter(runner.train_dataloader)), training=True)
    context = model.build_context(batch, ['output.segmentor'], torch.no_grad)
    loss = model.compute_losses('output.segmentor', context)['output.loss_adversarial']
    network, image = model.segmentor, batch['target']['inputs']
    with torch.no_grad():
        features = network.backbone(image)
        main, other = (h(features).softmax(1) for h in (network.decode_head, network.auxiliary_head))
        cosine = (main * other).sum(1) / (main.norm(dim=1) * other.norm(dim=1))
        logits = model.terms['output'].discriminator(main)
        # Target is driven to the source's label 0: -log(1 - sigmoid(logits)).
        by_hand = ((1 + 4 * (1 - cosine))[:, None] * -torch.log(1 - logits.sigmoid())).mean()
    torch.testing.assert_close(loss, by_hand)


def test_the_teacher_forwards_once_for_mixing_masking_and_consistency(tmp_path):
    forwards = ForwardsHook(['teacher.module.backbone', BACKBONE, HEAD])
    hook = MovesHook()
    runner = build_runner(self_training(), tmp_path, (forwards, hook))
    runner.train()
    assert [list(forwards.counts[i].values()) for i in range(3)] == [[0, 1, 1]] * 3
    # The student sees source, mixed, masked mixed and masked target, but not the target as it is.
    assert [list(forwards.counts[i].values()) for i in range(3, 7)] == [[1, 4, 4]] * 4
    names = {name for name, _ in runner.model.named_parameters()}
    assert all(moved == below(names, 'segmentor') for _, _, moved in hook.moves)
    assert all(p.grad is None and not p.requires_grad for p in runner.model.teacher.parameters())


def test_the_teacher_is_a_copy_until_a_stage_reads_it(tmp_path):
    states = []

    class StatesHook(Hook):
        def after_train_iter(self, runner, *_args, **_kwargs):
            own = {key: value.clone() for key, value in runner.model.state_dict().items()}
            states.append(own)

    build_runner(self_training(), tmp_path, (StatesHook(),)).train()
    assert [int(state['teacher.steps']) for state in states] == [0, 0, 0, 1, 2, 3, 4]
    for i, state in enumerate(states[:5]):
        same = [
            torch.equal(state[f'teacher.module.{key}'], state[f'segmentor.{key}'])
            for key in ('backbone.conv1.weight', 'decode_head.conv_seg.weight')
        ]
        assert all(same) if i < 3 else not any(same)


def test_masks_build_on_the_mixed_batch(tmp_path):
    runner = build_runner(self_training(), tmp_path)
    model = runner.model
    batch = model.data_preprocessor(next(iter(runner.train_dataloader)), training=True)
    context = model.build_context(batch, model.available_losses(model.stage), torch.enable_grad)
    label = context.tap('mixed:label')
    pseudo = context.tap('target@teacher:prob').argmax(1)
    assert not context.tap('target@teacher:prob').requires_grad
    source, target = context.tap('source:image'), context.tap('target:image')
    mixed, masked = context.tap('mixed:image'), context.tap('masked_mix:image')
    pasted = (mixed == source).all(1)
    assert pasted.any() and not pasted.all()
    assert torch.equal(mixed, torch.where(pasted[:, None], source, target))
    assert torch.equal(label, torch.where(pasted, context.tap('source:label'), pseudo))
    hidden = (masked == 0).all(1)
    assert hidden.any() and torch.equal(masked, torch.where(hidden[:, None], torch.zeros(()), mixed))
    assert torch.equal(context.tap('masked_mix:label'), label)


def test_exemplars_reach_the_discriminator_without_a_forward(tmp_path):
    forwards = ForwardsHook([BACKBONE, 'terms.map.discriminator'])
    hook = MovesHook()
    runner = build_runner(exemplars(), tmp_path, (forwards, hook))
    runner.train()
    assert list(forwards.counts[0].values()) == [1, 0]
    assert list(forwards.counts[5].values()) == [2, 3]  # source, target; one in the segmentor's step, then two
    names = {name for name, _ in runner.model.named_parameters()}
    trained = dict(segmentor=below(names, 'segmentor'), discriminator=below(names, 'terms'))
    assert all(moved == trained[optimizer] for _, optimizer, moved in hook.moves)


def test_two_processes_stay_equal(tmp_path):
    script = ROOT / 'tests/helpers/compositions.py'
    finish(start([script, tmp_path]))
    for name in COMPOSITIONS:
        first, second = (torch.load(tmp_path / f'{name}_{rank}.pth', weights_only=True) for rank in range(2))
        assert differences(first, second) == [], name
        alone = build_runner(COMPOSITIONS[name](), tmp_path / name / 'untrained').model
        before = {f'module.{key}': p for key, p in alone.named_parameters()}
        assert any(not torch.equal(before[key], first[key]) for key in first)
