import os

import pytest
from mmengine.fileio import get_file_backend

from mmuda.utils.fileio import AtomicLocalBackend, write_atomically


def test_it_is_registered_as_atomic(tmp_path):
    backend = get_file_backend(str(tmp_path), backend_args=dict(backend='atomic'))
    assert isinstance(backend, AtomicLocalBackend)
    backend.put(b'weights', tmp_path / 'new' / 'iter_1.pth')
    backend.put_text('text', tmp_path / 'a.txt')
    assert backend.get(tmp_path / 'new' / 'iter_1.pth') == b'weights'
    assert backend.get_text(tmp_path / 'a.txt') == 'text'
    assert sorted(p.name for p in tmp_path.rglob('*') if p.is_file()) == ['a.txt', 'iter_1.pth']


def test_a_write_that_fails_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / 'iter_1.pth'
    write_atomically(b'old', path)

    def full_disk(descriptor):
        raise OSError('no space left')

    monkeypatch.setattr(os, 'fsync', full_disk)
    with pytest.raises(OSError, match='no space left'):
        write_atomically(b'new', path)
    assert path.read_bytes() == b'old'
    assert os.listdir(tmp_path) == ['iter_1.pth']


def test_what_a_kill_left_behind_is_overwritten(tmp_path):
    (tmp_path / '.iter_1.pth.tmp').write_bytes(b'half')
    write_atomically(b'whole', tmp_path / 'iter_1.pth')
    assert os.listdir(tmp_path) == ['iter_1.pth']
