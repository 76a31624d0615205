"""A score against a setting: what is trained, written and refused."""

import json
import statistics
import sys

import pytest

from mmuda.apis import UserError
from mmuda.experiments import runs as runs_module
from mmuda.experiments.sweep import sweep
from tests.helpers import unpadded

# Stands in for tools/train.py: the score follows the setting.
TRAIN = """
import json, os, re, sys
from pathlib import Path
text, work_dir, seed = open(sys.argv[1]).read(), Path(sys.argv[sys.argv.index('--work-dir') + 1]), int(sys.argv[-3])
with open(work_dir / 'starts', 'a') as file:
    file.write('x')
count = int(re.search(r'count\\W+(\\d+)', text).group(1))
summary = dict(mode='train', metrics={'mIoU': 1.0, 'mFscore': 10.0 * count + seed}, seconds=1.0, selection='last')
(work_dir / 'summary.tmp').write_text(json.dumps(summary))
os.replace(work_dir / 'summary.tmp', work_dir / 'summary.json')
"""


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setattr(runs_module, 'POLL_SECONDS', 0.02)
    (tmp_path / 'train.py').write_text(TRAIN)
    for name, count in (('ours', 3), ('low', 0)):
        (tmp_path / f'{name}.py').write_text(f'train_cfg = dict(max_iters=100)\nexemplar = dict(count={count})\n')

    def run(values, metric='mFscore', key='exemplar.count', **kwargs):
        command = [sys.executable, str(tmp_path / 'train.py')]
        kwargs = dict(seeds=(0, 1, 4), jobs=2, report=lambda _: None, **kwargs)
        return sweep(tmp_path / 'ours.py', key, values, metric, tmp_path / 'out', command, **kwargs)

    run.folder = tmp_path
    return run


def test_each_value_is_trained_with_each_seed(run):
    text = run([1, 2, 50], references=[run.folder / 'low.py'], label='exemplars')
    spread = statistics.stdev([0, 1, 4])
    lines = unpadded(text).splitlines()
    assert lines[0] == '| exemplars | mFscore | seeds |' and lines[2:] == [
        f'| low | {5 / 3:.2f} ± {spread:.2f} | 3 |',
        *(f'| {count} | {10 * count + 5 / 3:.2f} ± {spread:.2f} | 3 |' for count in (1, 2, 50)),
    ]
    saved = json.loads((run.folder / 'out' / 'sweep.json').read_text())
    assert saved['values']['50']['mean'] == pytest.approx(500 + 5 / 3) and 'low' in saved['references']
    assert (run.folder / 'out' / 'sweep.png').stat().st_size > 1000
    run([1, 2, 50, 7])  # what has ended is not repeated
    starts = {
        path.parent.parent.parent.name: path.read_text() for path in run.folder.glob('out/values/*/ours/seed0/starts')
    }
    assert starts == {'1': 'x', '2': 'x', '50': 'x', '7': 'x'}


def test_a_metric_that_no_run_has_is_told(run):
    with pytest.raises(UserError, match='no run has the metrics F1; there is mFscore, mIoU'):
        run([5], metric='F1')


def test_values_that_are_paths_stay_below_the_folder(run):
    text = run(['/data/a_1', '../b_2', 'references'], key='exemplar.root', references=[run.folder / 'low.py'])
    assert sorted(path.name for path in (run.folder / 'out' / 'values').iterdir()) == [
        '_b_2',
        '_data_a_1',
        'references',
    ]
    assert [line.split(' | ')[0] for line in unpadded(text).splitlines()[2:]] == [
        '| low',
        '| /data/a_1',
        '| ../b_2',
        '| references',
    ]
    with pytest.raises(UserError, match='the values a/b, a_b do not have different names'):
        run(['a/b', 'a_b'])


def test_all_references_are_in_one_table(run):
    run([1], references=[run.folder / 'low.py', run.folder / 'ours.py'])
    saved = json.loads((run.folder / 'out' / 'references' / 'table.json').read_text())
    assert [row['config'] for row in saved['rows']] == ['low', 'ours']
