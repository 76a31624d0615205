import os
import pickle

import pytest
import torch
from mmengine.logging import MessageHub
from torch import nn

from mmuda.checkpoints.reading import (
    adapt_state_dict,
    force_safe_loading,
    read_checkpoint,
    refuse_not_finite,
    state_dict_of,
)
from mmuda.utils.errors import UserError


class Payload:
    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return os.mkdir, (self.path,)


class Plain(nn.Module):
    def __init__(self, classes=2, auxiliary=False):
        super().__init__()
        self.backbone = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4))
        self.decode_head = nn.ModuleDict(dict(convs=nn.Conv2d(4, 4, 1), conv_seg=nn.Conv2d(4, classes, 1)))
        if auxiliary:
            self.auxiliary_head = nn.Conv2d(4, classes, 1)


class Adaptation(nn.Module):
    def __init__(self, classes=2, terms=('pixel',), teacher=False):
        super().__init__()
        self.segmentor = Plain(classes)
        self.terms = nn.ModuleDict({name: nn.ModuleDict(dict(discriminator=nn.Conv2d(3, 1, 1))) for name in terms})
        if teacher:
            self.teacher = nn.ModuleDict(dict(module=Plain(classes)))


# Reading


def test_a_checkpoint_of_a_run_is_read(tmp_path):
    hub = MessageHub.get_instance('test_checkpoint')
    hub.update_scalar('train/loss', 0.5)
    state = dict(meta=dict(iter=3), state_dict=Plain().state_dict(), message_hub=hub.state_dict())
    torch.save(state, tmp_path / 'iter_3.pth')
    read = read_checkpoint(tmp_path / 'iter_3.pth')
    assert read['meta']['iter'] == 3
    assert read['message_hub']['log_scalars']['train/loss'].current() == 0.5


def test_a_file_that_would_run_code_is_refused(tmp_path):
    path = tmp_path / 'iter_1.pth'
    torch.save(dict(state_dict={}, meta=Payload(tmp_path / 'executed')), path)
    with pytest.raises(UserError, match=r'iter_1\.pth is not read because .* \(posix\.mkdir\) and could run code'):
        read_checkpoint(path)
    assert not (tmp_path / 'executed').exists()


def test_mmengine_refuses_it_too_once_loading_is_safe(tmp_path, monkeypatch):
    from mmengine.runner.checkpoint import _load_checkpoint

    monkeypatch.setenv('TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD', '1')
    path = tmp_path / 'iter_1.pth'
    torch.save(dict(state_dict={}, meta=Payload(tmp_path / 'executed')), path)
    force_safe_loading()
    with pytest.raises(pickle.UnpicklingError):
        _load_checkpoint(str(path))
    assert not (tmp_path / 'executed').exists()


def test_a_truncated_file_is_named(tmp_path):
    path = tmp_path / 'iter_1.pth'
    torch.save(Plain().state_dict(), path)
    path.write_bytes(path.read_bytes()[:300])
    with pytest.raises(UserError, match=r'iter_1\.pth is truncated or no checkpoint'):
        read_checkpoint(path)
    path.write_bytes(b'')
    with pytest.raises(UserError, match='truncated'):
        read_checkpoint(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'gone\.pth was not found'):
        read_checkpoint(tmp_path / 'gone.pth')


# Fitting


def test_resume_takes_equal_names_only():
    model = Adaptation()
    state = Adaptation().state_dict()
    assert adapt_state_dict(state, model.state_dict(), resume=True) == state
    state.pop('terms.pixel.discriminator.bias')
    with pytest.raises(UserError, match='cannot be resumed: 1 missing: terms.pixel.discriminator.bias'):
        adapt_state_dict(state, model.state_dict(), resume=True)


def test_a_plain_checkpoint_fills_the_segmentor():
    plain, model = Plain(), Adaptation()
    adapted = adapt_state_dict(state_dict_of(dict(state_dict=plain.state_dict())), model.state_dict(), resume=False)
    model.load_state_dict(adapted, strict=True)
    for name, value in plain.state_dict().items():
        assert torch.equal(model.segmentor.state_dict()[name], value)


def test_a_checkpoint_of_an_adaptation_fills_a_plain_segmentor():
    trained, plain = Adaptation(teacher=True), Plain()
    plain.load_state_dict(adapt_state_dict(trained.state_dict(), plain.state_dict(), resume=False), strict=True)
    assert torch.equal(plain.backbone[0].weight, trained.segmentor.backbone[0].weight)


def test_terms_are_taken_where_they_fit():
    trained, model = Adaptation(terms=('pixel', 'old')), Adaptation(terms=('pixel', 'output'))
    own = model.terms['output']['discriminator'].weight.clone()
    model.load_state_dict(adapt_state_dict(trained.state_dict(), model.state_dict(), resume=False), strict=True)
    assert torch.equal(model.terms['pixel']['discriminator'].weight, trained.terms['pixel']['discriminator'].weight)
    assert torch.equal(model.terms['output']['discriminator'].weight, own)


def test_a_new_teacher_starts_from_the_loaded_student():
    trained, model = Adaptation(), Adaptation(teacher=True)
    model.load_state_dict(adapt_state_dict(trained.state_dict(), model.state_dict(), resume=False), strict=True)
    assert torch.equal(model.teacher['module'].backbone[0].weight, trained.segmentor.backbone[0].weight)


def test_a_trained_teacher_stays_itself():
    trained, model = Adaptation(teacher=True), Adaptation(teacher=True)
    model.load_state_dict(adapt_state_dict(trained.state_dict(), model.state_dict(), resume=False), strict=True)
    assert torch.equal(model.teacher['module'].backbone[0].weight, trained.teacher['module'].backbone[0].weight)


def test_another_class_count_is_refused_with_the_remedy():
    with pytest.raises(UserError) as error:
        adapt_state_dict(Plain(19).state_dict(), Adaptation(2).state_dict(), resume=False)
    text = str(error.value)
    assert 'segmentor.decode_head.conv_seg.weight (checkpoint (19, 4, 1, 1), model (2, 4, 1, 1))' in text
    assert "load_skip=['decode_head.conv_seg']" in text


def test_the_remedy_works():
    model = Adaptation(2)
    own = model.segmentor.decode_head['conv_seg'].weight.clone()
    adapted = adapt_state_dict(
        Plain(19, auxiliary=True).state_dict(),
        model.state_dict(),
        resume=False,
        skip=['decode_head.conv_seg', 'auxiliary*'],
    )
    model.load_state_dict(adapted, strict=True)
    assert torch.equal(model.segmentor.decode_head['conv_seg'].weight, own)


def test_a_head_that_the_model_does_not_have_is_refused():
    with pytest.raises(UserError, match=r"2 unexpected: segmentor\.auxiliary_head.*load_skip=\['auxiliary_head'\]"):
        adapt_state_dict(Plain(auxiliary=True).state_dict(), Adaptation().state_dict(), resume=False)


def test_weights_of_a_backbone_alone_are_sent_to_init_cfg():
    with pytest.raises(UserError, match=r"segmentor\.backbone\.init_cfg=dict\(type='Pretrained'"):
        adapt_state_dict(Plain().backbone.state_dict(), Adaptation().state_dict(), resume=False)


def test_a_wrapper_prefix_statistics_and_old_counters_do_not_matter():
    model = Adaptation()
    state = {f'module.{k}': v for k, v in Plain().state_dict().items() if 'num_batches_tracked' not in k}
    state['module.data_preprocessor.mean'] = torch.zeros(3)
    model.load_state_dict(adapt_state_dict(state_dict_of(state), model.state_dict(), resume=False), strict=True)


@pytest.mark.parametrize('value', [float('nan'), float('inf'), -float('inf')])
def test_weights_that_are_not_finite_are_refused_where_they_predict(value):
    state = {'segmentor.backbone.a': torch.zeros(3), 'segmentor.head.b': torch.tensor([1.0, value]),
             'segmentor.count': torch.tensor(3)}  # fmt: skip
    with pytest.raises(UserError, match=r'my.pth holds values .* in 1 of 3 weights \(segmentor.head.b\)'):
        refuse_not_finite(state, 'my.pth')
    refuse_not_finite({'terms.x': torch.tensor(value), 'block.attn_mask': torch.tensor(value)}, 'my.pth')
