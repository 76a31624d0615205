import os

import pytest
import torch

from mmuda.checkpoints.finding import find_checkpoint
from mmuda.utils.errors import UserError


def save(folder, iteration: int, time: int, **entries) -> str:
    path = folder / f'iter_{iteration}.pth'
    entries = entries or dict(meta=dict(iter=iteration, epoch=0), state_dict={}, message_hub={}, optimizer={})
    torch.save(dict(entries), path)
    os.utime(path, (time, time))
    return str(path)


def truncate(path: str) -> None:
    time = os.stat(path).st_mtime
    with open(path, 'r+b') as file:
        file.truncate(100)
    os.utime(path, (time, time))


def test_the_newest_is_found_without_a_note(tmp_path):
    save(tmp_path, 1000, time=10)
    newest = save(tmp_path, 200, time=20)
    assert find_checkpoint(tmp_path) == newest


def test_a_truncated_newest_is_passed_over_and_named(tmp_path, monkeypatch):
    said = []
    monkeypatch.setattr('mmuda.checkpoints.finding.print_log', lambda text, logger: said.append(text))
    older = save(tmp_path, 100, time=10)
    newest = save(tmp_path, 200, time=20)
    truncate(newest)
    (tmp_path / 'last_checkpoint').write_text(older)
    assert find_checkpoint(tmp_path) == older
    assert f'resuming from {older}' in said[0]
    assert f'checkpoint {newest} is truncated' in said[0]


def test_a_truncated_file_that_the_note_names(tmp_path):
    older = save(tmp_path, 100, time=10)
    newest = save(tmp_path, 200, time=20)
    truncate(newest)
    (tmp_path / 'last_checkpoint').write_text(newest)
    assert find_checkpoint(tmp_path) == older


def test_a_whole_file_written_after_the_note_is_used(tmp_path):
    (tmp_path / 'last_checkpoint').write_text(save(tmp_path, 100, time=10))
    newest = save(tmp_path, 200, time=20)
    assert find_checkpoint(tmp_path) == newest


def test_the_note_beats_an_older_longer_run_in_the_same_folder(tmp_path):
    save(tmp_path, 5000, time=10)
    current = save(tmp_path, 200, time=20)
    (tmp_path / 'last_checkpoint').write_text(current)
    assert find_checkpoint(tmp_path) == current


def test_the_note_survives_a_move_and_a_copy(tmp_path):
    last = save(tmp_path, 1000, time=10)
    save(tmp_path, 200, time=20)  # copied later
    (tmp_path / 'last_checkpoint').write_text('/elsewhere/work_dirs/run/iter_1000.pth')
    assert find_checkpoint(tmp_path) == last


def test_an_empty_note_is_no_note(tmp_path):
    (tmp_path / 'last_checkpoint').write_text('')
    newest = save(tmp_path, 200, time=20)
    assert find_checkpoint(tmp_path) == newest


def test_nothing_to_resume_from_is_an_error_unless_told(tmp_path):
    with pytest.raises(UserError, match=r'it holds no iter_\*\.pth .* --resume auto'):
        find_checkpoint(tmp_path)
    assert find_checkpoint(tmp_path, required=False) is None


def test_weights_alone_cannot_be_resumed(tmp_path):
    save(tmp_path, 100, time=10, state_dict={}, meta={})
    torch.save({}, tmp_path / 'best_mIoU_iter_100.pth')
    with pytest.raises(UserError, match=r'iter_100\.pth lacks message_hub, optimizer'):
        find_checkpoint(tmp_path)


def test_a_file_with_a_config_to_execute_is_passed_over(tmp_path):
    older = save(tmp_path, 100, time=10)
    save(tmp_path, 200, time=20, meta=dict(config='import os'), state_dict={}, message_hub={}, optimizer={})
    assert find_checkpoint(tmp_path) == older
