import numpy as np
import pytest
import torch
from mmengine.registry import Registry

from mmuda.utils.errors import UserError, exit_on_user_error, is_user_error


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
