"""The teacher's schedule, buffers and batch norm, and that no random start reaches the labels."""

import copy

import pytest
import torch
from torch import nn

from mmuda.models.wrappers import Stage, Teacher
from mmuda.registry import MODELS
from mmuda.testing import segmentor
from mmuda.utils.errors import UserError
from mmuda.utils.setup_env import register_all_modules


def network() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.Dropout2d(0.5), nn.Conv2d(4, 2, 1)).double()


def change(student: nn.Module, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for value in (*student.parameters(), student[1].running_mean):
            value.copy_(torch.randn(value.shape, generator=generator, dtype=torch.float64))
        student[1].num_batches_tracked.fill_(seed)


@pytest.mark.parametrize('momentum', [0.001, 0.3])
def test_the_teacher_follows_the_released_schedule(momentum):
    """alpha = min(1 - 1 / (iteration + 1), alpha_max) at the start of each iteration but the first, in plain code."""
    student = network()
    teacher = Teacher(student, momentum=momentum)
    by_hand = [p.detach().clone() for p in student.parameters()]
    for iteration in range(1, 8):
        change(student, iteration)
        teacher.update_parameters(student)
        alpha = min(1 - 1 / (iteration + 1), 1 - momentum)
        by_hand = [alpha * t + (1 - alpha) * s.detach() for t, s in zip(by_hand, student.parameters(), strict=True)]
        for ours, theirs in zip(teacher.module.parameters(), by_hand, strict=True):
            torch.testing.assert_close(ours.detach(), theirs, rtol=1e-12, atol=1e-12)


def test_without_warm_up_the_start_stays_for_long():
    student = network()
    teacher, warmed = Teacher(student, momentum=0.001, warm_up=False), Teacher(student, momentum=0.001)
    start = student[0].weight.detach().clone()
    with torch.no_grad():
        student[0].weight.zero_()
    for _ in range(500):
        teacher.update_parameters(student)
        warmed.update_parameters(student)
    share = (teacher.module[0].weight / start).mean().item()
    assert share == pytest.approx(0.999**500, rel=1e-9)  # 61 % of the labels' network is the random start
    assert (warmed.module[0].weight / start).mean().item() == pytest.approx(1 / 501, rel=1e-9)


@pytest.mark.parametrize('buffers', ['copy', 'average', 'own'])
def test_buffers_follow_as_stated(buffers):
    student = network()
    teacher = Teacher(student, momentum=0.1, buffers=buffers)
    average = student[1].running_mean.clone()
    start = average.clone()
    for iteration in range(1, 4):
        change(student, iteration)
        teacher.update_parameters(student)
        alpha = min(1 - 1 / (iteration + 1), 0.9)
        average = alpha * average + (1 - alpha) * student[1].running_mean
    expected = dict(copy=student[1].running_mean, average=average, own=start)[buffers]
    torch.testing.assert_close(teacher.module[1].running_mean, expected)
    assert int(teacher.module[1].num_batches_tracked) == (0 if buffers == 'own' else 3)


@pytest.mark.parametrize('batch_norm', ['batch', 'running'])
def test_batch_norm_normalises_as_stated_and_nothing_is_dropped(batch_norm):
    student = network()
    change(student, 1)
    teacher = Teacher(student, batch_norm=batch_norm).train()
    images = torch.randn(2, 3, 5, 5, dtype=torch.float64)
    reference = copy.deepcopy(student).train(batch_norm == 'batch')
    reference[2].eval()
    torch.testing.assert_close(teacher.module(images), reference(images))
    assert not teacher.module[2].training
    expected = copy.deepcopy(teacher.module).eval()(images)
    torch.testing.assert_close(teacher.eval().module(images), expected)


def test_only_own_statistics_follow_the_teachers_forwards():
    images = torch.randn(2, 3, 5, 5, dtype=torch.float64) + 3
    for buffers in ('copy', 'average', 'own'):
        teacher = Teacher(network(), buffers=buffers).train()
        before = teacher.module[1].running_mean.clone()
        with teacher.keeping_statistics():
            teacher.module(images)
        assert torch.equal(before, teacher.module[1].running_mean) == (buffers != 'own')
        assert teacher.module[1].momentum == 0.1


def test_statistics_of_the_start_are_refused():
    with pytest.raises(UserError, match='running statistics of the start'):
        Teacher(network(), buffers='own', batch_norm='running')
    Teacher(nn.Conv2d(3, 2, 1), buffers='own', batch_norm='running')  # it has none
    register_all_modules()
    model = MODELS.build(
        dict(type='DomainAdaptation', segmentor=segmentor(), ema=dict(momentum=0.1, buffers='own', evaluate=True))
    )
    with pytest.raises(UserError, match='nothing forwards the teacher'):
        model.check_streams(Stage(name='train'), ['source'])


@pytest.mark.parametrize('kwargs', [dict(buffers='mean'), dict(batch_norm='own')])
def test_other_choices_are_refused(kwargs):
    with pytest.raises(UserError, match='is not known; give one of'):
        Teacher(network(), **kwargs)
