import os

import pytest
from mmengine.fileio import get_file_backend

from mmuda.utils.atomic_backend import AtomicLocalBackend
from mmuda.utils.errors import UserError
from mmuda.utils.fileio import write_atomically
from mmuda.utils.inputs import note_input


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


def test_a_full_disk_is_one_line_and_the_older_file_stays(tmp_path):
    path = tmp_path / 'a.bin'
    write_atomically(b'old', path)
    resource = pytest.importorskip('resource')
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, hard))
    try:
        with pytest.raises(UserError, match='a.bin cannot be written: the file is larger than the system allows'):
            write_atomically(bytes(100_000), path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert path.read_bytes() == b'old' and list(tmp_path.iterdir()) == [path]


def test_places_that_cannot_be_written_are_told(tmp_path):
    (tmp_path / 'file').write_text('')
    with pytest.raises(UserError, match='a.bin cannot be written: .*choose another folder'):
        write_atomically(b'', tmp_path / 'file' / 'a.bin')
    with pytest.raises(UserError, match='a.bin cannot be written: .*choose another folder'):
        write_atomically(b'', '/proc/nowhere/a.bin')


def test_an_input_is_not_replaced(tmp_path):
    path = tmp_path / 'in.pth'
    path.write_bytes(b'old')
    note_input(path)
    (tmp_path / 'link.pth').symlink_to(path)
    for name in ('in.pth', 'link.pth'):
        with pytest.raises(UserError, match=f'{name} is read as an input'):
            write_atomically(b'new', tmp_path / name)
    assert path.read_bytes() == b'old'
    write_atomically(b'1', tmp_path / 'own')
    note_input(tmp_path / 'own')
    write_atomically(b'2', tmp_path / 'own')
    assert (tmp_path / 'own').read_bytes() == b'2'
