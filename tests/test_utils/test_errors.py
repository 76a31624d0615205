import errno
import os

import numpy as np
import pytest
import torch
from mmengine.registry import Registry

from mmuda.registry import OPTIMIZERS, TRANSFORMS
from mmuda.utils.errors import UserError, describe, exit_on_user_error, is_user_error
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


def test_a_library_below_a_folder_named_mmuda_keeps_its_traceback(tmp_path):
    for folder, expected in (('mmuda/.venv/lib/site-packages/torch', False), ('lib/site-packages/mmuda', True)):
        path = tmp_path / folder / 'code.py'
        path.parent.mkdir(parents=True)
        path.write_text("raise ValueError('size mismatch of tensors')\n")
        with pytest.raises(ValueError) as raised:
            exec(compile(path.read_text(), str(path), 'exec'), {})
        assert is_user_error(raised.value) is expected


def test_a_key_error_without_a_sentence_is_not_the_users():
    assert not is_user_error(KeyError('lr'))


def test_an_unknown_type_is_the_users(capsys):
    with pytest.raises(SystemExit), exit_on_user_error():
        Registry('thing').build(dict(type='Missing'))
    assert 'Missing is not in the' in capsys.readouterr().err


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


def test_what_fails_inside_a_constructor_keeps_its_traceback():
    class Fails:
        def __init__(self, value):
            self.value = value + 'text'

    class Misuses:
        def __init__(self):
            dict().update(1, 2)

    things = Registry('thing', scope='mmuda_test')
    for cls, arguments in ((Fails, dict(value=1)), (Misuses, dict())):
        things.register_module(module=cls)
        with pytest.raises(TypeError) as raised:
            things.build(dict(type=cls.__name__, **arguments))
        assert not is_user_error(raised.value)


def test_a_raise_is_known_without_its_source(tmp_path):
    """Neither a line that begins otherwise nor a missing source file hides it."""
    path = tmp_path / 'mmuda' / 'gone.py'
    for source, expected in (
        ("if True: raise ValueError('gsd is wrong')", True),
        ("text = 'raise'; int('not a number')", False),
    ):
        with pytest.raises(ValueError) as raised:
            exec(compile(source, str(path), 'exec'), {})
        assert is_user_error(raised.value) is expected
