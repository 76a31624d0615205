"""One process at a time writes; a killed one is in nobody's way."""

import contextlib
import multiprocessing
import os
import signal
import socket
import time

import pytest

from mmuda.utils.errors import UserError
from mmuda.utils.fileio import write_atomically
from mmuda.utils.locks import sole_writer

fork = multiprocessing.get_context('fork')
FOREVER = 60


def hold(folder, ready, with_worker=False):
    with sole_writer(folder, 'being trained'):
        worker = os.fork() if with_worker else -1
        if worker:
            ready.put(worker)
        time.sleep(FOREVER)


@pytest.fixture
def holder(tmp_path):
    """Starts a process that holds the folder, and the process that it forks if it is to have one."""
    started = []

    def holder(**kwargs):
        ready = fork.Queue()
        process = fork.Process(target=hold, args=(tmp_path, ready), kwargs=kwargs)
        process.start()
        started.append(process.pid)
        worker = ready.get(timeout=10)
        if worker > 0:
            started.append(worker)
        return process

    yield holder
    for pid in started:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def test_a_second_writer_is_refused_until_the_first_is_killed(holder, tmp_path):
    first = holder()
    said = rf'{tmp_path} is being trained by process {first.pid} on {socket.gethostname()} since .*choose another'
    with pytest.raises(UserError, match=said), sole_writer(tmp_path, 'being trained'):
        pytest.fail('two write')
    first.kill()
    first.join()
    with sole_writer(tmp_path, 'being trained'):
        assert str(os.getpid()) in (tmp_path / '.lock').read_text()
    assert not list(tmp_path.iterdir())


def test_the_workers_of_a_killed_process_do_not_keep_its_folder(holder, tmp_path):
    first = holder(with_worker=True)
    first.kill()
    first.join()
    with sole_writer(tmp_path, 'being trained'):
        pass


def test_a_process_is_no_second_writer_either(tmp_path):
    with sole_writer(tmp_path, 'being read'):
        refused = pytest.raises(UserError, match=f'is being read by process {os.getpid()} on')
        with refused, sole_writer(tmp_path, 'being written'):
            pytest.fail('two write')
        with sole_writer(tmp_path / 'other', 'being written', lock=tmp_path / '.other.lock'):
            pass
    with sole_writer(tmp_path, 'being written'):
        pass


def test_a_folder_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / 'file').write_text('')
    refused = pytest.raises(UserError, match='file/run cannot be written to .*choose another place')
    with refused, sole_writer(tmp_path / 'file' / 'run', 'being trained'):
        pytest.fail('it cannot be written to')


def write_often(path, value):
    for _ in range(40):
        write_atomically(bytes([value]) * (300_000 + value), path)


def test_processes_that_write_one_file_leave_one_of_theirs(tmp_path):
    path = tmp_path / 'table.md'
    writers = [fork.Process(target=write_often, args=(path, value)) for value in range(4)]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        if path.exists():
            data = path.read_bytes()
            assert len(data) == 300_000 + data[0] and set(data) == {data[0]}
    assert [writer.exitcode for writer in writers] == [0] * 4
    assert os.listdir(tmp_path) == ['table.md']
