import importlib
import json
import re
import signal
import statistics
import sys

import pytest
import torch

from mmuda.apis import UserError
from mmuda.experiments import compare
from mmuda.experiments import runs as runs_module
from mmuda.experiments.runs import Run, seconds_left, train_all
from mmuda.experiments.table import Spread, Table
from tests.helpers import unpadded
from tests.helpers.two_models import imagery  # noqa: F401  (a fixture)

compare_module = importlib.import_module('mmuda.experiments.compare')  # its name is also the function's

# Stands in for tools/train.py: logs as mmengine does and writes the summary; counts how often it was started.
TRAIN = """
import json, os, sys, time
from pathlib import Path
config, work_dir, seed = sys.argv[1], Path(sys.argv[sys.argv.index('--work-dir') + 1]), int(sys.argv[-3])
assert sys.argv[-4:-2] == ['--seed', str(seed)] and sys.argv[-2:] == ['--resume', 'auto'], sys.argv
with open(work_dir / 'starts', 'a') as file:
    file.write('x')
text = open(config).read()
print('Iter(train) [ 50/100]  lr: 1e-3', flush=True)
print('Iter(train) [100/100]  lr: 1e-3', flush=True)
if 'fails' in text and not Path(__file__).with_name('mended').exists():
    sys.exit('the cause')
base = 40.0 if 'better' in text else 30.0
summary = dict(mode='train', metrics={'mIoU': base + seed * seed, 'IoU.roof': base, 'F': seed}, seconds=2.0 + seed,
               iterations_per_second=4.0 + seed, peak_memory_mib=500 + seed,
               selection='last iteration', threads=os.environ['OMP_NUM_THREADS'])
if 'chosen' in text:
    summary['best'] = {'best_score': 9.0, 'iteration': 40, 'mIoU': base + 7, 'F': 10.0 * seed}
    summary['selection'] = 'last iteration; best by F of the validation set'
(work_dir / 'summary.tmp').write_text(json.dumps(summary))
os.replace(work_dir / 'summary.tmp', work_dir / 'summary.json')
"""


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Compares configs of given contents by the stand-in; returns the table, what was reported and the folder."""
    monkeypatch.setattr(runs_module, 'POLL_SECONDS', 0.02)
    monkeypatch.delenv('OMP_NUM_THREADS', raising=False)
    script = tmp_path / 'train.py'
    script.write_text(TRAIN)

    def run(seeds=(0, 1), jobs=1, cfg_options=None, target_only=None, columns=(), weights='last', **contents):
        paths = []
        for name, content in contents.items():
            paths.append(tmp_path / f'{name}.py')
            paths[-1].write_text(f'train_cfg = dict(max_iters=100)\n{content}\n')
        lines = []
        command = [sys.executable, str(script)]
        options = dict(seeds=seeds, jobs=jobs, cfg_options=cfg_options, picture=False, report=lines.append)
        options.update(target_only=target_only, columns=columns, weights=weights)
        try:
            return compare(paths, tmp_path / 'out', command, **options), lines
        finally:
            run.lines = lines

    run.out, run.folder = tmp_path / 'out', tmp_path
    return run


def starts(run, config, seed) -> int:
    return len((run.out / config / f'seed{seed}' / 'starts').read_text())


def test_table_has_mean_spread_and_paired_difference(run):
    table, lines = run(first='x = 1', second='x = "better"', seeds=(0, 1, 2))
    first, second = table.rows
    values = [30, 31, 34]
    assert (first.miou.mean, first.miou.std) == pytest.approx((statistics.mean(values), statistics.stdev(values)))
    # The seeds' own spread cancels in a paired difference.
    assert (second.difference.mean, second.difference.std, second.difference.count) == (10.0, 0.0, 3)
    assert first.difference is None
    assert (second.classes, second.seconds) == ({'roof': 40.0}, 3.0)
    text = (run.out / 'table.md').read_text()
    assert text == f'{table}\n'
    assert '| second | 41.67 ± 2.08 | +10.00 ± 0.00 | 0, 1, 2 | 40.00 | 5.00 | 501 | 3 |' in unpadded(text)
    saved = json.loads((run.out / 'table.json').read_text())
    assert saved['rows'][1]['difference'] == dict(mean=10.0, std=0.0, count=3)
    assert saved['rows'][0]['metrics']['2']['mIoU'] == 34.0
    assert any('6/6 runs ended' in line for line in lines)


def test_other_metrics_are_columns_and_best_weights_may_be_asked_for(run):
    contents = dict(first='x = "chosen"', second='x = "better chosen"')
    table, _ = run(columns=['F'], **contents)
    assert '| 40.50 ± 0.71 | +10.00 ± 0.00 | 0.50 ± 0.71 | 0, 1 |' in unpadded(str(table))
    table, _ = run(columns=['F'], weights='best', **contents)
    assert '| second | 47.00 ± 0.00 | +10.00 ± 0.00 | 5.00 ± 7.07 | 0, 1 |' in unpadded(str(table))
    assert 'Weights: best by F of the validation set.' in str(table)
    saved = json.loads((run.out / 'table.json').read_text())['rows'][1]
    assert saved['columns']['F']['mean'] == 5.0 and saved['metrics']['1'] == {'mIoU': 47.0, 'F': 10.0}
    assert starts(run, 'second', 1) == 1
    with pytest.raises(UserError, match='no run has the metrics G, H; there is F, IoU.roof, mIoU'):
        run(columns=['F', 'G', 'H'], **contents)
    with pytest.raises(UserError, match='third chose no checkpoint'):
        run(weights='best', third='x = 1')


def test_nam_is_a_column_where_the_upper_end_is_named(run):
    table, _ = run(first='x = 1', middle='x = 2', last='x = "better"', target_only='configs/last.py')
    assert [row.nam for row in table.rows] == [0.0, 0.0, 100.0]
    text = (run.out / 'table.md').read_text()
    assert '| config | mIoU | difference to the first | NAM | seeds |' in unpadded(text)
    assert 'NAM is the share of the gap from first to last' in text
    with pytest.raises(UserError, match=r"target_only=other is none of the configs after the first, \['second'\]"):
        run(first='x = 1', second='x = 1', target_only='other')


def test_what_has_ended_is_not_repeated_and_other_seeds_are_added(run):
    run(first='x = 1')
    table, lines = run(first='x = 1', seeds=(0, 1, 2))
    assert [starts(run, 'first', seed) for seed in (0, 1, 2)] == [1, 1, 1]
    assert table.rows[0].seeds == [0, 1, 2]
    assert '2 of them ended earlier' in lines[0]


def test_a_changed_config_is_trained_anew_and_the_old_run_kept(run):
    run(first='x = 1')
    table, lines = run(first='x = "better"', seeds=(0,))
    assert table.rows[0].miou.mean == 40.0
    old = json.loads((run.out / 'first' / 'seed0.old1' / 'summary.json').read_text())
    assert old['metrics']['mIoU'] == 30.0
    assert 'seed0.old1' in lines[0]
    run(first='x = "better"', seeds=(0,), cfg_options=dict(x='worse'))
    assert (run.out / 'first' / 'seed0.old2').is_dir()


def test_settings_of_the_test_alone_repeat_nothing(run):
    run(first='x = 1', seeds=(0,))
    run(first='x = 1\ntta_model = dict(type="SegTTAModel")', seeds=(0,))
    assert starts(run, 'first', 0) == 1


def test_a_failed_run_is_told_and_resumed_the_others_count(run):
    with pytest.raises(UserError, match='1 of 2 runs failed: second seed 0'):
        run(first='x = 1', second='x = "fails"', seeds=(0,))
    assert any('the cause' in line for line in run.lines)
    assert '| first | 30.00 |' in unpadded((run.out / 'table.md').read_text())
    (run.folder / 'mended').touch()
    table, _ = run(first='x = 1', second='x = "fails"', seeds=(0,))
    assert [starts(run, 'first', 0), starts(run, 'second', 0)] == [1, 2]
    assert len(table.rows) == 2


def test_runs_share_the_cores(run, monkeypatch):
    monkeypatch.setattr(runs_module.os, 'sched_getaffinity', lambda _: set(range(8)), raising=False)
    run(first='x = 1', seeds=(0, 1), jobs=2)
    assert json.loads((run.out / 'first' / 'seed0' / 'summary.json').read_text())['threads'] == '4'


def test_a_run_in_progress_is_left_alone(run):
    fcntl = pytest.importorskip('fcntl')
    work_dir = run.out / 'first' / 'seed0'
    with pytest.raises(UserError, match='failed'):
        run(first='x = "fails"', seeds=(0,))
    with (work_dir / 'console.log').open('ab') as log:
        fcntl.flock(log, fcntl.LOCK_EX)
        with pytest.raises(UserError, match='being trained by another process'):
            run(first='x = "fails"', seeds=(0,))
    assert starts(run, 'first', 0) == 1


def test_an_interruption_ends_the_trainings_and_starts_no_more(tmp_path, monkeypatch):
    """As the tool does on SIGTERM: an exception in the thread that waits."""

    def interrupt(line):
        if 'ended earlier' not in line:
            raise KeyboardInterrupt

    monkeypatch.setattr(runs_module, 'REPORT_SECONDS', 0.0)
    runs = [Run('first', seed, tmp_path / 'config.py', tmp_path / f'seed{seed}', 10) for seed in (0, 1)]
    for one in runs:
        one.work_dir.mkdir()
    with pytest.raises(KeyboardInterrupt):
        train_all(runs, [sys.executable, '-c', 'import time; time.sleep(60)'], 1, interrupt)
    assert runs[0].process.returncode == -signal.SIGTERM
    assert runs[1].process is None


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [(dict(seeds=()), '0 seeds'), (dict(jobs=0), 'jobs=0'), (dict(), '0 configs')],
)
def test_nothing_to_do_is_refused(run, arguments, message):
    configs = {} if message == '0 configs' else dict(first='x = 1')
    with pytest.raises(UserError, match=message):
        run(**configs, **arguments)


def test_two_configs_of_one_name_are_refused(run, tmp_path):
    paths = [tmp_path / folder / 'same.py' for folder in 'ab']
    for path in paths:
        path.parent.mkdir()
        path.write_text('train_cfg = dict(max_iters=1)')
    with pytest.raises(UserError, match='not all named differently'):
        compare(paths, run.out, ['true'])


def test_estimate_follows_the_speed_of_each_config(tmp_path):
    def job(config, done, progress):
        return Run(config, 0, tmp_path, tmp_path, 100, done=done, _progress=progress)

    slow = job('slow', 60, [(20, 10.0), (60, 90.0)])  # 2 s an iteration
    waiting = [job('slow', 0, []), job('new', 0, [])]  # a config without a speed gets the mean
    assert seconds_left([slow, *waiting], [slow, *waiting], 2) == pytest.approx((40 * 2 + 100 * 2 + 100 * 2) / 2)


def test_a_config_without_metrics_has_no_difference():
    table = Table.from_summaries(
        [('a', 0, dict(metrics={'mIoU': 1.0}, seconds=1)), ('b', 0, dict(metrics=None, seconds=1))]
    )
    assert table.rows[1].difference == Spread(None, None, 0)
    assert '| b | - | - | 0 | - | - | 1 |' in unpadded(str(table))


def test_spread_of_one_value_has_no_deviation():
    assert Spread.of([3.0, None]) == Spread(3.0, None, 1)
    assert Spread.of([3.0]).text() == '3.00'


@pytest.mark.parametrize(
    ('content', 'expected'),
    [
        ('[1]', r'seed0/summary\.json holds a list .*; move .*seed0 away to train this run again'),
        ('{"mode": "train"}', r'summary\.json lacks seconds; move'),
        ('{"mode": "train", "seconds": 1, "metrics": {"mIoU": "good"}}', r'metrics of .*summary\.json are not numbers'),
        ('{"mode": ', r'summary\.json is no JSON'),
    ],
)
def test_a_summary_of_something_else_is_named(run, content, expected):
    run(seeds=(0,), first='x = 1')
    (run.out / 'first' / 'seed0' / 'summary.json').write_text(content)
    with pytest.raises(UserError, match=expected):
        run(seeds=(0,), first='x = 1')


@pytest.fixture
def ended(imagery):  # noqa: F811
    """Two runs of the config that have ended, with the models ``weak`` and ``strong``."""
    runs = []
    for name in ('weak', 'strong'):
        work_dir = imagery.parent / name
        work_dir.mkdir()
        weights = torch.load(imagery.with_name(f'{name}.pth'), weights_only=True)
        torch.save(weights | dict(message_hub={}, optimizer={}), work_dir / 'iter_1.pth')
        runs.append(Run(name, 0, imagery, work_dir, 1))
    return runs


def test_the_model_that_is_chosen_without_labels_is_copied(imagery, ended):  # noqa: F811
    lines = []
    compare_module._choose(ended, imagery.parent, lines.append)
    answer = (imagery.parent / 'choice.md').read_text()
    # Each also takes part adapted without training.
    assert [line.split('|')[1].strip() for line in answer.splitlines()[2:6]] == [
        'weak', 'weak, adapted', 'strong', 'strong, adapted'
    ]  # fmt: skip
    name = re.search('Use ([^:]+):', answer)
    config, _, adapted = (name[1] if name else 'weak').partition(', ')
    chosen = imagery.parent / config / ('adapted.pth' if adapted else 'iter_1.pth')
    assert (imagery.parent / 'chosen.pth').read_bytes() == chosen.read_bytes()
    assert (imagery.parent / 'chosen.py').read_text() == imagery.read_text()
    assert answer.splitlines()[-1].startswith(('Use ', 'Do not adapt')) and 'chosen.pth' in lines[-1]


def test_a_model_that_cannot_be_adapted_takes_part_as_it_is(imagery, ended):  # noqa: F811
    imagery.write_text(imagery.read_text() + 'train_dataloader["dataset"]["source"] = None\n')
    lines = []
    compare_module._choose(ended, imagery.parent, lines.append)
    assert any(
        'weak takes part as it was trained alone: ' in line and 'no labels of the source' in line for line in lines
    )
    assert 'weak, adapted' not in (imagery.parent / 'choice.md').read_text()


@pytest.mark.parametrize(
    ('names', 'short'),
    [
        (['source_only_net_city', 'mic_net_city'], ['source_only', 'mic']),
        (['net_city', 'mic_net_city'], ['net', 'mic_net']),
        (['a', 'b'], ['a', 'b']),
        (['a_city', 'a_city'], ['a_city', 'a_city']),
    ],
)
def test_titles_leave_out_what_both_names_end_with(names, short):
    assert compare_module.short_names(names) == short
