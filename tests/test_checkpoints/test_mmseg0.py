"""Checkpoints of mmseg 0.x and DAFormer's family: weights are taken, their config is never read."""

import io
import logging
import os
import zipfile

import numpy as np
import pytest
import torch

from mmuda.checkpoints import mmseg0 as module
from mmuda.checkpoints.mmseg0 import dataset_meta_of
from mmuda.checkpoints.reading import adapt_state_dict, read_checkpoint, state_dict_of
from mmuda.utils.errors import UserError

META = dict(
    env_info='sys.platform: linux',
    seed=0,
    mmseg_version='0.30.0+abc',
    mmcv_version='1.7.0',
    CLASSES=('road', 'roof'),
    PALETTE=[[0, 0, 0], [255, 0, 0]],
    epoch=1,
    iter=40000,
)
CODE = 'import os; os.mkdir("executed")'


@pytest.fixture
def said(monkeypatch):
    lines = []
    monkeypatch.setattr(module, 'print_log', lambda text, logger, level=logging.INFO: lines.append((level, text)))
    return lines


def save(path, state=None, **meta):
    torch.save(dict(meta={**META, **meta}, state_dict=state or {'backbone.w': torch.ones(2)}), path)
    return path


def test_the_config_is_dropped_unread_and_that_is_said(tmp_path, said, monkeypatch):
    monkeypatch.chdir(tmp_path)
    read = read_checkpoint(save('zoo.pth', config=CODE))
    assert 'config' not in read['meta'] and read['meta']['seed'] == 0
    assert torch.equal(state_dict_of(read)['backbone.w'], torch.ones(2))
    assert [text for _, text in said] == [
        "checkpoint zoo.pth of mmseg 0.30.0+abc: the config that it carries as text (meta['config']) is dropped unread"
    ]
    said.clear()
    read_checkpoint('zoo.pth', tell=False)
    read_checkpoint(save('without.pth'))
    assert not said and not os.path.exists('executed')


def test_it_cannot_be_resumed(tmp_path):
    with pytest.raises(UserError, match=r'zoo\.pth carries a config that resuming would execute.*with load_from'):
        read_checkpoint(save(tmp_path / 'zoo.pth', config=CODE), resume=True)


def of_numpy_1(path, **content):
    """A checkpoint whose pickle names NumPy's parts as NumPy 1 does."""
    buffer = io.BytesIO()
    torch.save(content, buffer)
    with zipfile.ZipFile(buffer) as old, zipfile.ZipFile(path, 'w') as new:
        for name in old.namelist():
            new.writestr(name, old.read(name).replace(b'numpy._core', b'numpy.core'))
    return path


def test_numbers_and_arrays_of_any_numpy_are_plain_values(tmp_path):
    values = dict(
        f4=np.float32(0.5), f8=np.float64(1.5), i4=np.int32(-3), u1=np.uint8(7), truth=np.bool_(True),
        palette=np.array([[0, 0, 0], [255, 0, 0]], np.uint8),
    )  # fmt: skip
    torch.save(dict(meta=values, state_dict={}), tmp_path / 'new.pth')
    of_numpy_1(tmp_path / 'old.pth', meta=values, state_dict={})
    for name in ('new.pth', 'old.pth'):
        read = read_checkpoint(tmp_path / name)['meta']
        assert all(np.array_equal(read[key], value) for key, value in values.items())
        assert dataset_meta_of(dict(meta=dict(CLASSES=('a', 'b'), PALETTE=read['palette']))) == dict(
            classes=('a', 'b'), palette=[[0, 0, 0], [255, 0, 0]]
        )


def test_what_is_no_plain_value_stays_refused(tmp_path):
    with pytest.raises(UserError, match=r'holds more than tensors and plain values.*could run code; save it again'):
        read_checkpoint(save(tmp_path / 'zoo.pth', config=CODE, hook=os.path.join))


def test_torchs_old_format_is_read(tmp_path):
    content = dict(meta={**META, 'config': CODE}, state_dict={'backbone.w': torch.arange(3.0)})
    torch.save(content, tmp_path / 'zoo.pth', _use_new_zipfile_serialization=False)
    assert not zipfile.is_zipfile(tmp_path / 'zoo.pth')
    assert torch.equal(read_checkpoint(tmp_path / 'zoo.pth')['state_dict']['backbone.w'], torch.arange(3.0))


@pytest.mark.parametrize('wrapper', ['', 'module.'])
def test_daformers_student_and_teacher_are_taken(tmp_path, said, wrapper):
    parts = ('backbone.w', 'decode_head.conv_seg.w')
    networks = ('model.', 'ema_model.', 'imnet_model.')
    state = {
        f'{wrapper}{net}{part}': torch.full((2,), 10.0 * i + j)
        for i, net in enumerate(networks)
        for j, part in enumerate(parts)
    }
    read = read_checkpoint(save(tmp_path / 'latest.pth', state, config=CODE))
    assert 'its student (model.) is taken as the segmentor' in said[0][1]
    given = state_dict_of(read)
    assert {key: value[0].item() for key, value in given.items()} == {
        'segmentor.backbone.w': 0, 'segmentor.decode_head.conv_seg.w': 1,
        'teacher.module.backbone.w': 10, 'teacher.module.decode_head.conv_seg.w': 11,
    }  # fmt: skip
    zeros = {key: torch.zeros(2) for key in parts}
    plain = adapt_state_dict(given, zeros, resume=False)
    assert {key: value[0].item() for key, value in plain.items()} == dict(zip(parts, (0, 1), strict=True))
    with_teacher = {f'{net}{key}': value for net in ('segmentor.', 'teacher.module.') for key, value in zeros.items()}
    adapted = adapt_state_dict(given, with_teacher, resume=False)
    assert [adapted[f'teacher.module.{part}'][0].item() for part in parts] == [10, 11]


def test_a_model_that_has_a_part_named_model_keeps_its_names():
    state = {'backbone.model.backbone.w': torch.ones(1), 'model.backbone.w': torch.ones(1)}
    assert state_dict_of(dict(state_dict=state)).keys() == state.keys()


def test_classes_and_colours_are_found_whichever_mmseg_wrote_them():
    assert dataset_meta_of(dict(meta=META)) == dict(classes=META['CLASSES'], palette=META['PALETTE'])
    ours = dict(classes=('a',), palette=[[1, 2, 3]], reduce_zero_label=False)
    assert dataset_meta_of(dict(meta={**META, 'dataset_meta': ours})) == ours
    assert dataset_meta_of(dict(meta=dict(CLASSES=None, PALETTE=None))) == dataset_meta_of({}) == {}


@pytest.mark.parametrize(
    ('wrong', 'left'),
    [
        (dict(palette=[[300, 0, 0]]), dict(classes=('a', 'b'))),
        (dict(palette=[[0, 0], [1, 1, 1]]), dict(classes=('a', 'b'))),
        (dict(palette='red'), dict(classes=('a', 'b'))),
        (dict(palette=[[0, 0, 0]] * 300), dict(classes=('a', 'b'))),
        (dict(classes='road'), dict(palette=[[0, 0, 0], [9, 9, 9]])),
        (dict(classes=[1, 2]), dict(palette=[[0, 0, 0], [9, 9, 9]])),
    ],
)
def test_senseless_classes_and_colours_are_left_out_and_told(said, wrong, left):
    good = dict(classes=('a', 'b'), palette=[[0, 0, 0], [9, 9, 9]])
    assert dataset_meta_of(dict(meta=dict(dataset_meta={**good, **wrong})), 'x.pth') == left
    assert said[0][0] == logging.WARNING and f'x.pth: its {next(iter(wrong))}' in said[0][1]
    assert dataset_meta_of(dict(meta=dict(dataset_meta=[1])), 'x.pth') == {}


@pytest.mark.parametrize('content', [dict(meta=[1], state_dict={}), dict(state_dict='weights'), dict(meta='x')])
def test_a_file_of_other_content_is_refused_in_one_sentence(tmp_path, content):
    torch.save(content, tmp_path / 'x.pth')
    with pytest.raises(UserError, match=r"x\.pth holds a (list|str) as '(meta|state_dict)' where a dict was expected"):
        read_checkpoint(tmp_path / 'x.pth')
