import errno
import os

import numpy as np
import pytest
import torch
from mmengine.registry import MODELS as ROOT_MODELS
from mmseg.registry import MODELS as MMSEG_MODELS
from torch import nn
from torch.utils.data import DataLoader, Dataset

from mmuda.registry import MODELS, OPTIMIZERS, TERMS, TRANSFORMS
from mmuda.utils.errors import NonFiniteError, UserError, describe, exit_on_user_error, is_user_error
from mmuda.utils.setup_env import register_all_modules


@pytest.fixture
def line(capsys):
    """The line that a command ends with when ``call`` fails."""

    def line(call, *args, **kwargs) -> str:
        with pytest.raises(SystemExit) as ended, exit_on_user_error():
            call(*args, **kwargs)
        assert ended.value.code == 2
        return capsys.readouterr().err.splitlines()[0]

    return line


def test_a_user_error_is_one_line_and_status_2(capsys):
    with pytest.raises(SystemExit) as stop, exit_on_user_error():
        raise UserError('config a.py has\n  no train_cfg')
    assert stop.value.code == 2
    assert capsys.readouterr().err.splitlines()[0] == 'error: config a.py has no train_cfg'


def test_the_traceback_is_kept_on_request(monkeypatch):
    monkeypatch.setenv('MMUDA_TRACEBACK', '1')
    with pytest.raises(UserError), exit_on_user_error():
        raise UserError('config a.py is empty')


def test_an_error_of_a_library_keeps_its_traceback():
    with pytest.raises(RuntimeError), exit_on_user_error():
        torch.zeros(2) + torch.zeros(3)
    with pytest.raises(ValueError), exit_on_user_error():
        np.zeros(2).reshape(7)


def test_the_type_alone_decides(tmp_path):
    """Neither the folder that an error comes from nor its wording makes it the user's."""
    path = tmp_path / 'mmuda' / 'code.py'
    for source in ("raise ValueError('gsd is wrong')", "raise KeyError('gsd is wrong')", 'assert 1 > 2'):
        with pytest.raises((ValueError, KeyError, AssertionError)) as raised:
            exec(compile(source, str(path), 'exec'), {})
        assert not is_user_error(raised.value)
    assert is_user_error(UserError('gsd is wrong'))
    assert is_user_error(NonFiniteError('the gradient of critic is not finite'))


class Damaged(Dataset):
    def __len__(self):
        return 1

    def __getitem__(self, index):
        try:
            raise OSError('unexpected end')
        except OSError as error:
            raise UserError('a.tif is cut short;\nreplace it') from error


def test_an_error_of_a_loading_process_is_one_line_too(line):
    assert line(list, DataLoader(Damaged(), num_workers=1)) == 'error: a.tif is cut short; replace it'


@pytest.mark.parametrize('registry', [MODELS, ROOT_MODELS, MMSEG_MODELS, TERMS], ids=['ours', 'root', 'mmseg', 'term'])
def test_an_unknown_type_is_the_users(line, registry):
    register_all_modules()
    text = line(registry.build, dict(type='Missing'))
    assert f"type 'Missing' in the config is not a registered {registry.name}; check its spelling" in text
    assert "type 'no_package.Missing' in the config is not" in line(registry.build, dict(type='no_package.Missing'))


def test_what_the_system_refuses_names_the_file_and_the_remedy(line, tmp_path):
    (tmp_path / 'file').write_text('')
    (tmp_path / 'loop').symlink_to(tmp_path / 'loop')
    cases = [
        (open, tmp_path, 'there is a folder of that name; give the path of a file'),
        (open, tmp_path / 'loop', 'a part of the path is a link to itself; correct the link or choose another folder'),
        (open, tmp_path / 'file' / 'a', 'a part of the path is a file; choose another folder'),
        (open, tmp_path / 'gone', 'there is nothing at this path; check it or choose another folder'),
        (os.mkdir, tmp_path / 'file', 'there is a file where a folder should be; choose another folder'),
        (os.mkdir, tmp_path / ('x' * 300), 'the name is too long; choose a shorter one'),
    ]
    for call, path, expected in cases:
        assert line(call, path) == f'error: {path}: {expected}'


@pytest.mark.parametrize('number', [errno.EACCES, errno.EPERM, errno.EROFS, errno.EDQUOT, errno.EMFILE, errno.EIO])
def test_errors_of_the_system_have_a_remedy(number):
    text = describe(OSError(number, os.strerror(number), 'out/a.tif'))
    assert is_user_error(OSError(number, os.strerror(number), 'out/a.tif'))
    assert text.startswith('out/a.tif: ') and '; ' in text


def test_an_error_of_the_system_that_is_a_fault_of_the_program_keeps_its_traceback():
    for error in (OSError(errno.EBADF, 'Bad file descriptor'), BrokenPipeError(errno.EPIPE, 'pipe'), OSError('odd')):
        assert not is_user_error(error)


def test_a_constructor_that_refuses_its_arguments_is_named(line):
    register_all_modules()
    parameter = torch.nn.Parameter(torch.zeros(1))
    assert 'SGD of the config refuses its arguments: Invalid learning rate: -1' in line(
        OPTIMIZERS.build, dict(type='SGD', lr=-1, params=[parameter])
    )
    text = line(TRANSFORMS.build, dict(type='RandomFlip', prob='often'))
    assert 'RandomFlip of the config refuses its arguments' in text
    text = line(TRANSFORMS.build, dict(type='RandomCrop', crop_size=(0, 4)))  # an assert without a message
    assert 'RandomCrop of the config refuses its arguments: assert crop_size[0] > 0' in text
    text = line(TRANSFORMS.build, dict(type='RandomCrop'))
    assert 'RandomCrop of the config refuses its arguments' in text and "'crop_size'" in text


def test_the_innermost_class_that_refuses_is_named_and_its_error_kept():
    register_all_modules()
    backbone = dict(type='ResNet', depth=17)
    with pytest.raises(UserError) as raised:
        ROOT_MODELS.build(dict(type='EncoderDecoder', backbone=backbone, decode_head=dict(type='FCNHead')))
    assert str(raised.value) == 'ResNet of the config refuses its arguments: invalid depth 17 for resnet'
    assert isinstance(raised.value.__cause__, KeyError)


class OfAPlugin(nn.Module):
    def __init__(self, value):
        super().__init__()
        if value < 0:
            raise ValueError(f'value={value} is negative')
        if value == 0:
            raise UserError('value=0 of OfAPlugin does nothing')
        self.value = value + 1

    def forward(self, x):
        raise ValueError('x is wrong')


def test_what_a_plugin_raises(line):
    def build(value):
        return MODELS.build(dict(type=OfAPlugin, value=value))

    assert line(build, -1) == 'error: OfAPlugin of the config refuses its arguments: value=-1 is negative'
    assert line(build, 0) == 'error: value=0 of OfAPlugin does nothing'
    assert 'OfAPlugin of the config refuses its arguments: ' in line(build, 'text')
    with pytest.raises(ValueError, match='x is wrong'), exit_on_user_error():
        build(1)(None)
