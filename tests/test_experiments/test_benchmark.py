"""Suites: what is trained in which order, what is left alone, and what the tables say."""

import json
import math
import re
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from mmuda.apis import CHOOSING, UserError, load_config
from mmuda.experiments import Entry, Interval, Pair, Suite, benchmark, load_suite, shard_of
from mmuda.experiments import runs as runs_module
from mmuda.experiments.benchmark_choice import PIXELS, WINDOWS
from mmuda.experiments.benchmark_results import Line, Results
from mmuda.experiments.suite import write_config
from mmuda.utils.locks import take_lock
from tests.helpers import unpadded

# Stands in for tools/train.py. The score follows from the config, the pair and the seed.
TRAIN = """
import json, os, sys
from pathlib import Path
config, work_dir, seed = Path(sys.argv[1]), Path(sys.argv[sys.argv.index('--work-dir') + 1]), int(sys.argv[-3])
values = {}
exec(config.read_text(), values)
(work_dir / 'starts').open('a').write('x')
with (work_dir.parents[2] / 'order').open('a') as file:
    file.write(f'{work_dir.parents[1].name}/{work_dir.parent.name}/{seed}\\n')
start = values.get('load_from')
assert start is None or Path(start).is_file(), start
score = values['score'] + 2 * seed + (0 if start is None else Path(start).stat().st_size)
length = values['train_cfg']['max_iters']
(work_dir / f'iter_{length}.pth').write_text('12345')
log = work_dir / 'run' / 'vis_data' / 'scalars.json'
log.parent.mkdir(parents=True)
every = values['train_cfg']['val_interval']
log.write_text(''.join(json.dumps(dict(step=s, mIoU=score - values.get('late', 0) * (s < length))) + '\\n'
                       for s in range(every, length + 1, every)))
summary = dict(mode='train', metrics={'mIoU': score, 'IoU.roof': score + 1}, seconds=2.0, peak_memory_mib=500,
               gpu=os.environ.get('CUDA_VISIBLE_DEVICES'))
(work_dir / 'summary.json').write_text(json.dumps(summary))
"""
SCORES = dict(source_only=30.0, source_only_augmented=34.0, adapted=40.0, target_only=50.0)


@pytest.fixture
def bench(tmp_path, monkeypatch):
    """Runs a suite by the stand-in, of configs with the given scores."""
    monkeypatch.setattr(runs_module, 'POLL_SECONDS', 0.02)
    script = tmp_path / 'train.py'
    script.write_text(TRAIN)

    def run(pairs=('here',), scores=SCORES, extra=(), options=(), late=0, **settings):
        entries = []
        for name, score in scores.items():
            path = tmp_path / f'{name}.py'
            path.write_text(f'train_cfg = dict(max_iters=100)\nscore = {score}\nlate = {late}\n')
            entries.append(Entry(name, config=str(path), options=dict(options)))
        suite_settings = {key: settings.pop(key) for key in ('seeds', 'note', 'references') if key in settings}
        made = [pair if isinstance(pair, Pair) else Pair(pair, iters=80) for pair in pairs]
        suite = Suite(made, [*entries, *extra], **{'seeds': (0, 1, 2), **suite_settings})
        lines = []
        try:
            command = [sys.executable, str(script)]
            return benchmark(suite, tmp_path / 'out', command, report=lines.append, **settings)
        finally:
            run.lines = lines

    run.out, run.folder = tmp_path / 'out', tmp_path
    return run


def order(bench):
    path = bench.out / 'order'
    return path.read_text().split() if path.exists() else []


def test_interval_of_student():
    # t with 2 degrees of freedom: 4.302653; the values' standard deviation is 1.
    found = Interval.of([1.0, 2.0, 3.0])
    assert (found.mean, found.count) == (2.0, 3)
    assert found.half_width == pytest.approx(4.302653 / math.sqrt(3), abs=1e-5)
    assert (found.low, found.high) == pytest.approx((2 - 2.484138, 2 + 2.484138), abs=1e-5)
    assert Interval.of([5.0]) == Interval(5.0, None, 1) and Interval.of([5.0]).low is None
    assert Interval.of([]).text() == '-' and found.text(sign=True) == '+2.0 ± 2.5'


def test_table_has_paired_differences_and_the_share_of_the_gap(bench):
    results = bench()
    line = results.lines['here']['adapted']
    assert line.scores == {0: 40.0, 1: 42.0, 2: 44.0}
    # The seeds differ by the same for all entries, so that paired differences have no spread.
    assert Interval.of(list(line.minus(results.lines['here']['source_only']).values())) == Interval(10.0, 0.0, 3)
    assert results.nam('here', 'adapted') == pytest.approx(50)
    text = unpadded((bench.out / 'results.md').read_text())
    assert '| `adapted` | 42.0 ± 5.0 | +10.0 ± 0.0 | +6.0 ± 0.0 | 50 | 3 | 43.0 | 2 | 500 |' in text
    saved = json.loads((bench.out / 'results.json').read_text())['pairs']['here']
    assert saved['entries']['adapted']['minus']['source_only']['low'] == 10.0
    assert saved['best_cheap'] == 'source_only_augmented' and saved['gap_is_clear']
    rows = (bench.out / 'results.csv').read_text().splitlines()
    assert rows[0] == 'pair,entry,seed,mIoU,IoU.roof' and 'here,adapted,2,44.0,45.0' in rows
    assert (bench.out / 'gain.png').stat().st_size > 5000


def test_pooled_gain_is_over_the_best_cheap_entry_of_each_pair(bench):
    results = bench(pairs=['one', 'two'])
    assert results.pooled('adapted') == Interval(6.0, 0.0, 2)
    assert results.mean_nam('adapted') == pytest.approx(50)
    assert '| `adapted` | +6.0 ± 0.0 | 2 | 50 |' in unpadded(str(results))


def test_a_gap_within_its_own_interval_does_not_count(bench):
    results = bench(pairs=['one', 'two'], seeds=(0,))
    assert not results.clear('one')  # one seed has no interval
    assert results.mean_nam('adapted') is None
    assert 'the gap of one, two is not clear of its own interval' in str(results)


def test_target_only_says_whether_it_has_converged(bench):
    assert '`target_only` gained 0.2 points in its last quarter: it has converged.' in str(bench(late=0.2))
    assert '`target_only` lost 3.9 points in its last quarter: it has converged.' in str(bench(late=-3.9))
    again = str(bench(late=1.5, pairs=['other']))
    assert '`target_only` gained 1.5 points in its last quarter: it has **not** converged.' in again


def test_all_lengths_are_the_pairs_and_only_target_only_is_validated_on_the_way(bench):
    bench(seeds=(0,))
    for name, interval in (('adapted', 80), ('target_only', 20)):
        cfg = load_config(bench.out / 'here' / name / 'seed0' / 'config' / f'{name}.py')
        assert (cfg.train_cfg.max_iters, cfg.train_cfg.val_interval) == (80, interval)


def test_what_has_ended_is_not_repeated_and_a_changed_config_is(bench):
    bench(seeds=(0,))
    bench(seeds=(0, 1))
    starts = bench.out / 'here' / 'adapted'
    assert (starts / 'seed0' / 'starts').read_text() == (starts / 'seed1' / 'starts').read_text() == 'x'
    bench(seeds=(0, 1), scores={**SCORES, 'adapted': 41.0})
    assert len(order(bench)) == 4 + 4 + 2
    assert any('holds a run of another config' in line for line in bench.lines)


def test_entries_start_from_others_of_their_seed(bench):
    later = bench.folder / 'later.py'
    later.write_text('train_cfg = dict(max_iters=100)\nscore = 30.0\n')
    results = bench(extra=[Entry('later', config=str(later), after='source_only', seeds=(1,))])
    assert order(bench)[-1] == 'here/later/1'
    cfg = load_config(bench.out / 'here' / 'later' / 'seed1' / 'config' / 'later.py')
    assert cfg.load_from == str((bench.out / 'here' / 'source_only' / 'seed1' / 'iter_80.pth').resolve())
    assert results.lines['here']['later'].scores == {1: 30.0 + 2 + 5}


def test_an_entry_waits_for_a_run_that_failed(bench):
    later = bench.folder / 'later.py'
    later.write_text('train_cfg = dict(max_iters=100)\nscore = 30.0\n')
    extra = [Entry('later', config=str(later), after='source_only')]
    with pytest.raises(UserError, match=r'1 trainings failed: here/source_only seed 0 .*mend the cause'):
        bench(seeds=(0,), scores={**SCORES, 'source_only': 'None'}, extra=extra)
    assert any('here/later seed 0 waits for here/source_only seed 0' in line for line in bench.lines)
    assert '`adapted`' in (bench.out / 'results.md').read_text()  # the tables of the others are there


def test_a_pair_without_its_data_is_skipped_with_the_reason(bench):
    results = bench(pairs=['here', Pair('there', needs=str(bench.folder / 'nowhere'))], seeds=(0,))
    assert list(results.lines) == ['here']
    assert f'there was skipped: {bench.folder / "nowhere"} is not there' in str(results)


def test_shares_cover_the_work_once_and_keep_a_pairs_seed_together(bench):
    for index in range(3):
        bench(pairs=['one', 'two'], shard=(index, 3), seeds=(0, 1))
        so_far = order(bench)
        groups = {(line.split('/')[0], line.split('/')[2]) for line in so_far}
        assert len(so_far) == 4 * len(groups)
    assert len(set(order(bench))) == len(order(bench)) == 16


def test_a_run_of_another_process_is_left_to_it(bench):
    folder = bench.out / 'here' / 'adapted' / 'seed0'
    folder.mkdir(parents=True)
    with (folder / 'console.log').open('ab') as log:
        assert take_lock(log)
        results = bench(seeds=(0,))
    assert 'adapted' not in results.lines['here'] and 'target_only' in results.lines['here']
    assert any('here/adapted seed 0 is left to another process' in line for line in bench.lines)


def test_parallel_runs_take_the_gpus_in_turns(bench, monkeypatch):
    monkeypatch.setenv('CUDA_VISIBLE_DEVICES', '4,7')
    bench(jobs=2)
    found = [json.loads(path.read_text())['gpu'] for path in bench.out.glob('here/*/*/summary.json')]
    assert set(found) == {'4', '7'}


def test_the_table_alone_trains_nothing(bench):
    assert str(bench(train=False)).startswith('No run has ended.') and not order(bench)


@pytest.mark.parametrize(
    ('entries', 'message'),
    [
        ([Entry('a'), Entry('a')], "entries need different names, and there must be one at least; \\['a'\\]"),
        ([], 'there must be one at least'),
        ([Entry('a', after='b'), Entry('b')], "a starts from 'b', which is no entry before it"),
        ([Entry('a', does='adapt')], "does 'adapt'; say after which entry"),
        ([Entry('a', does='magic')], "a does 'magic'; there is train, adapt, pair"),
    ],
)
def test_wrong_suites(entries, message):
    with pytest.raises(UserError, match=message):
        Suite([Pair('here')], entries)


def test_a_suite_is_narrowed_with_what_its_entries_need():
    suite = load_suite('synthetic').narrowed([], ['adabn', 'mic'], [4])
    assert [entry.name for entry in suite.entries] == ['source_only', 'adabn', 'mic'] and suite.seeds == (4,)
    assert load_suite('synthetic').narrowed([], ['histogram'], [4]).entries[0].seeds == (4,)
    with pytest.raises(UserError, match="the suite has no entry 'mick'; it has source_only, "):
        suite.narrowed([], ['mick'], [])
    with pytest.raises(UserError, match="the suite has no pair 'x'; it has synthetic"):
        suite.narrowed(['x'], [], [])


def test_shipped_suites_and_profiles(tmp_path):
    assert len(load_suite('real_pairs').pairs) == 5
    assert [entry.name for entry in load_suite('synthetic', 'quick').entries][0] == 'source_only'
    with pytest.raises(UserError, match='real_pairs.py has no suite .quick.; it has full'):
        load_suite('real_pairs', 'quick')
    with pytest.raises(UserError, match='nothing.py is not there; give the path of a suite, or one of .*synthetic'):
        load_suite('nothing')


def test_values_of_a_pair_of_folders_replace_those_of_the_base(tmp_path):
    values = dict(source_root='a', target_root='b', target_prefix='x_', classes=('no', 'yes'), source_gsd=None)
    path = write_config(Pair('mine', 'folders', values=values), Entry('adaptsegnet_single'), tmp_path)
    cfg = load_config(path)
    streams = cfg.train_dataloader.dataset
    assert (streams.source.data_root, streams.source.name_prefix, streams.source.gsd) == ('a', '', None)
    assert (streams.target.data_root, streams.target.name_prefix, streams.target.gsd) == ('b', 'x_', 0.3)
    assert cfg.val_dataloader.dataset.name_prefix == 'x_' and streams.source.ann_file == 'train.txt'
    assert cfg.val_dataloader.dataset.metainfo.classes == ('no', 'yes')
    with pytest.raises(UserError, match="gives 'root', which is none of the first lines of folders.py"):
        write_config(Pair('mine', 'folders', values=dict(root='a')), Entry('mic'), tmp_path)
    with pytest.raises(UserError, match="gives values to 'synthetic'; only 'folders' takes some"):
        write_config(Pair('mine', 'synthetic', values=values), Entry('mic'), tmp_path)


def test_shares_come_from_the_option_or_from_slurm(monkeypatch):
    monkeypatch.setenv('SLURM_NTASKS', '8')  # a shell of salloc, which runs one task
    assert shard_of(None) == (0, 1) and shard_of('2/5') == (2, 5)
    monkeypatch.setenv('SLURM_PROCID', '3')
    monkeypatch.setenv('SLURM_NTASKS', '8')
    monkeypatch.setenv('SLURM_STEP_NUM_TASKS', '4')
    assert shard_of(None) == (3, 4)
    for wrong in ('3', '5/5', '-1/2', 'a/b'):
        with pytest.raises(UserError, match='is not I/N with I from 0 to N - 1'):
            shard_of(wrong)


def test_what_criteria_would_have_chosen(bench):
    """The scores are read from the file of an earlier run; here they are made up, so that the choice is known."""
    bench(seeds=(0, 1))
    names = ['source_only', 'source_only_augmented', 'adapted']
    for seed in (0, 1):
        candidates = {}
        for position, name in enumerate(names):
            scores = dict.fromkeys(CHOOSING)
            scores |= dict(information_maximisation=0.1 * position, entropy=0.1 * position)
            sure = {} if position == 0 else dict(information_maximisation=0.99 if seed else 0.5, entropy=0.99)
            candidates[name] = dict(scores=scores, sure=sure)
        truth = {name: SCORES[name] + 2 * seed for name in names}
        key = dict(truth=truth, unadapted='source_only', windows=WINDOWS, pixels=PIXELS, criteria=list(CHOOSING))
        text = json.dumps(dict(key, candidates=candidates))
        (bench.out / 'here' / f'choice_seed{seed}.json').write_text(text)
    text = unpadded(str(bench(seeds=(0, 1), choose=True)))
    # It takes the best model in both, but is sure in one alone: 0 and 10 points.
    assert '| information_maximisation | 2 | 1.00 | +10.0 | +10.0 | +0.0 | +5.0 | +0.0 | -5.0 |' in text
    assert '| entropy | 2 | -1.00 | +0.0 | +0.0 | -10.0 | +0.0 | +0.0 | -10.0 |' in text
    assert 'flip_consistency' not in text and 'which only labels tell, gains +10.0' in text


def test_the_tables_alone_move_nothing_and_leave_out_runs_of_another_config(bench):
    bench(seeds=(0,))
    before = sorted(path.relative_to(bench.out) for path in bench.out.rglob('iter_*.pth'))
    results = bench(seeds=(0,), scores={**SCORES, 'adapted': 41.0}, train=False)
    assert sorted(path.relative_to(bench.out) for path in bench.out.rglob('iter_*.pth')) == before
    assert 'adapted' not in results.lines['here'] and 'target_only' in results.lines['here']
    assert any('here/adapted seed 0' in line and 'is left out' in line for line in bench.lines)


def test_a_run_in_progress_is_not_moved(bench):
    bench(seeds=(0,))
    with (bench.out / 'here' / 'adapted' / 'seed0' / 'console.log').open('ab') as log:
        assert take_lock(log)
        with pytest.raises(UserError, match='seed0 is being trained with another config; wait for it'):
            bench(seeds=(0,), scores={**SCORES, 'adapted': 41.0})
    assert not list(bench.out.rglob('*.old1'))


def test_what_starts_from_a_run_that_changed_is_trained_again(bench):
    later = bench.folder / 'later.py'
    later.write_text('train_cfg = dict(max_iters=100)\nscore = 30.0\n')
    extra = [Entry('later', config=str(later), after='source_only')]
    bench(seeds=(0,), extra=extra)
    bench(seeds=(0,), extra=extra)
    assert order(bench).count('here/later/0') == 1
    bench(seeds=(0,), extra=extra, scores={**SCORES, 'source_only': 31.0})
    assert order(bench).count('here/later/0') == 2 and order(bench).count('here/adapted/0') == 1


def test_a_moved_folder_is_still_the_same_work(bench):
    later = bench.folder / 'later.py'
    later.write_text('train_cfg = dict(max_iters=100)\nscore = 30.0\n')
    extra = [Entry('later', config=str(later), after='source_only')]
    bench(seeds=(0,), extra=extra)
    copy = bench.out.with_name('copy')
    bench.out.rename(copy)
    copy.rename(bench.out)
    config = bench.out / 'here' / 'later' / 'seed0' / 'config' / 'later.py'
    config.write_text(config.read_text().replace(str(bench.out.resolve()), '/mnt/elsewhere'))
    assert 'later' in bench(seeds=(0,), extra=extra).lines['here'] and order(bench).count('here/later/0') == 1


def test_processes_that_start_together_do_not_move_each_others_runs(bench):
    """Each prepares the folders of its share while the others do."""
    suite = replace(bench(train=False).suite, pairs=[Pair(name, iters=80) for name in ('one', 'two')], seeds=(0, 1))
    command = [sys.executable, str(bench.folder / 'train.py')]

    def start(index):
        return benchmark(suite, bench.out, command, shard=(index, 4), report=lambda _: None)

    with ThreadPoolExecutor(4) as pool:
        assert len(list(pool.map(start, range(4)))) == 4
    assert not list(bench.out.rglob('*.old*')) and len(set(order(bench))) == len(order(bench)) == 16


def test_a_folder_that_another_process_has_just_made_is_not_moved(bench):
    (bench.out / 'here' / 'adapted' / 'seed0' / 'config').mkdir(parents=True)
    bench(seeds=(0,))
    assert not list(bench.out.rglob('*.old*'))


def test_the_tables_show_the_whole_suite_when_a_part_is_trained(bench):
    results = bench(seeds=(0,))
    suite = results.suite
    part = suite.narrowed([], ['adapted'], [1])
    command = [sys.executable, str(bench.folder / 'train.py')]
    again = benchmark(part, bench.out, command, table=replace(suite, seeds=(0, 1)), report=lambda _: None)
    assert again.lines['here']['adapted'].scores == {0: 40.0, 1: 42.0}
    assert again.lines['here']['target_only'].scores == {0: 50.0}


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('full = Suite([Pair("a")], [Entry("b", metod="c")])', 'cannot be read: TypeError'),
        ('full = Suite([Pair("a")], [Entry("b")], target_only=None)', "name entries; \\['source_only'\\] is none"),
        ('full = Suite([Pair("a")], [Entry("b")], references=(), cheap=(), target_only=None)', 'no reference is none'),
    ],
)
def test_mistakes_in_the_file_of_a_suite(tmp_path, text, message):
    path = tmp_path / 'ours.py'
    path.write_text(f'from mmuda.experiments import Entry, Pair, Suite\n{text}\n')
    with pytest.raises(UserError, match=message):
        load_suite(str(path))


def test_the_best_cheap_entry_is_found_on_the_seeds_that_all_have():
    suite = Suite([Pair('here')], [Entry('a'), Entry('b'), Entry('c')], references=('a',), cheap=('a', 'b'))
    lines = {
        'a': Line('a', {0: dict(mIoU=30.0), 1: dict(mIoU=10.0)}),
        'b': Line('b', {0: dict(mIoU=29.0)}),
        'c': Line('c', {0: dict(mIoU=35.0)}),
    }
    results = Results(suite, {'here': lines}, {})
    assert results.best_cheap('here') == 'a' and results.pooled('c').mean == 5.0


def test_a_small_loss_is_written_as_zero(bench):
    table = str(bench(scores={**SCORES, 'adapted': SCORES['source_only'] - 0.05}))
    (row,) = [line for line in table.splitlines() if line.startswith('| `adapted`') and 'seeds' not in line][:1]
    assert '| 0 |' in re.sub(' +', ' ', row) and '-0 |' not in row
