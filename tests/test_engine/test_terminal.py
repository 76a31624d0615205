"""A terminal gets one live line; a file, and the log file in any case, plain lines."""

import os
import re
import sys
import threading

import pytest

from mmuda.apis import load_config, train
from mmuda.engine.hooks import IterSeedHook
from tests.helpers.tiny import CONFIG
from tests.helpers.toy import KilledError

ESCAPE, SHOW_CURSOR = '\x1b', '\x1b[?25h'


@pytest.fixture
def cfg(tmp_path):
    path = tmp_path / 'tiny.py'
    path.write_text(CONFIG)
    return load_config(path)


def on_terminal(monkeypatch, action, columns=120) -> str:
    """What an action writes to a pseudo-terminal that is the standard output."""
    for name, value in dict(TERM='xterm-256color', COLUMNS=str(columns), LINES='30').items():
        monkeypatch.setenv(name, value)
    master, slave = os.openpty()
    written = []

    def read() -> None:
        try:
            while data := os.read(master, 65536):
                written.append(data)
        except OSError:  # the other side is closed
            pass

    reader = threading.Thread(target=read)
    reader.start()
    with os.fdopen(slave, 'w') as terminal, monkeypatch.context() as patch:
        patch.setattr(sys, 'stdout', terminal)
        action()
    reader.join()
    os.close(master)
    return b''.join(written).decode()


def log_of(folder) -> str:
    (path,) = folder.glob('*/*.log')
    return path.read_text()


def test_a_terminal_gets_one_live_line_and_the_file_plain_ones(cfg, tmp_path, monkeypatch):
    text = on_terminal(monkeypatch, lambda: train(cfg, tmp_path / 'run'))
    plain = re.sub(r'\x1b\[[0-9;?]*[a-zA-Z]', '', text)
    last = next(line for line in reversed(re.split(r'[\r\n]', plain)) if '10/10' in line)
    assert re.search(
        r'adapt +━+ +10/10 +0:00:00 left +[\d.]+ images/s +segmentor [\d.]+ +discriminator [\d.e-]+', last
    ), last
    assert re.search(r'source .* 1/10 ', plain), 'the first stage is shown too'
    assert 'Iter(train)' not in plain
    assert 'Saving checkpoint at 10 iterations' in plain, 'what the line does not say is printed above it'
    assert text.rstrip().endswith(SHOW_CURSOR) or SHOW_CURSOR in text[-300:]
    log = log_of(tmp_path / 'run')
    assert len(re.findall(r'Iter\(train\) \[ ?\d+/10\]', log)) == 10
    assert ESCAPE not in log


def test_a_file_gets_plain_lines(cfg, tmp_path, monkeypatch):
    with (tmp_path / 'out.txt').open('w') as file, monkeypatch.context() as patch:
        patch.setattr(sys, 'stdout', file)
        train(cfg, tmp_path / 'run')
    text = (tmp_path / 'out.txt').read_text()
    assert len(re.findall(r'Iter\(train\) \[ ?\d+/10\]', text)) == 10
    assert ESCAPE not in text and '━' not in text


def test_after_an_error_the_terminal_is_as_it_was(cfg, tmp_path, monkeypatch):
    seed, handlers = IterSeedHook.before_train_iter, []

    def kill(self, runner, batch_idx, data_batch=None):
        if runner.iter == 4:
            handlers.extend(runner.logger.handlers)
            raise KilledError
        seed(self, runner, batch_idx, data_batch)

    monkeypatch.setattr(IterSeedHook, 'before_train_iter', kill)

    def run() -> None:
        terminal = sys.stdout
        with pytest.raises(KilledError):
            train(cfg, tmp_path / 'run')
        assert sys.stdout is terminal
        assert terminal in [handler.stream for handler in handlers]
        assert not any(getattr(one, '__name__', '') == '_is_news' for h in handlers for one in h.filters)

    assert on_terminal(monkeypatch, run).rindex(SHOW_CURSOR) > 0


def test_a_narrow_terminal_gets_one_line_still(cfg, tmp_path, monkeypatch):
    text = on_terminal(monkeypatch, lambda: train(cfg, tmp_path / 'run'), columns=60)
    plain = re.sub(r'\x1b\[[0-9;?]*[a-zA-Z]', '', text)
    bars = [line for line in re.split(r'[\r\n]', plain) if '/10 ' in line and '━' in line]
    assert bars and all(len(line) <= 60 and 'left' in line for line in bars)
