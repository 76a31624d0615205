"""Curves are those of the log, also of a run that was killed and resumed."""

import json

import matplotlib.axes
import numpy as np
import pytest
from PIL import Image

from mmuda.utils.errors import UserError
from mmuda.visualization import curves


def write(folder, entries, end=''):
    path = folder / 'vis_data' / 'scalars.json'
    path.parent.mkdir(parents=True)
    path.write_text('\n'.join(json.dumps(entry) for entry in entries) + end)


@pytest.fixture
def run(tmp_path):
    """Killed while it wrote iteration 3, resumed from 1."""
    folder = tmp_path / 'run'
    write(folder / '20260101_000000', [dict(loss=5.0, step=1), dict(loss=4.0, step=2)], end='\n{"loss": 3.0, "st')
    write(folder / '20260101_010000', [dict(loss=4.5, step=2), dict(loss=3.5, name='x', step=3), dict(mIoU=40, step=3)])
    return folder


def test_a_log_is_read_whole(run):
    assert curves.read_log(run) == dict(loss={1: 5.0, 2: 4.5, 3: 3.5}, mIoU={3: 40.0})


def test_a_panel_for_each_key_and_a_line_for_each_run(run, tmp_path, monkeypatch):
    from matplotlib.axes import Axes

    drawn = []
    plot = Axes.plot
    monkeypatch.setattr(
        Axes, 'plot', lambda self, x, y, **kw: drawn.append((list(x), list(y))) or plot(self, x, y, **kw)
    )
    write(tmp_path / 'other' / '20260101_000000', [dict(loss=1.0, step=4)])
    curves.plot_log([run, tmp_path / 'other'], ['loss', 'mIoU'], tmp_path / 'curves.png', smooth=2)
    assert drawn == [([2, 3], [4.75, 4.0]), ([4], [1.0]), ([3], [40.0])]
    assert np.asarray(Image.open(tmp_path / 'curves.png')).std() > 5


def test_what_cannot_be_drawn_is_told(run, tmp_path):
    with pytest.raises(UserError, match="no run has logged 'lost'; there is loss, mIoU"):
        curves.plot_log([run], ['lost'], tmp_path / 'out.png')
    with pytest.raises(UserError, match='empty holds no'):
        curves.plot_log([tmp_path / 'empty'], ['loss'], tmp_path / 'out.png')
    assert not (tmp_path / 'out.png').exists()


def test_runs_of_one_name_in_two_folders_are_both_drawn(tmp_path, monkeypatch):
    read = []
    monkeypatch.setattr(curves, 'read_log', lambda folder: read.append(folder) or {'loss': {1: 1.0, 2: 0.5}})
    labels = []
    axes = matplotlib.axes.Axes
    plot = axes.plot
    monkeypatch.setattr(axes, 'plot', lambda self, *a, **k: labels.append(k['label']) or plot(self, *a, **k))
    folders = [tmp_path / 'one' / 'run', tmp_path / 'two' / 'run']
    curves.plot_log(folders, ['loss'], tmp_path / 'out.png')
    assert labels == [str(folder) for folder in folders]
