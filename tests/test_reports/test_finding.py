"""Which folders are runs, what they are called and in which order they come."""

import json

import pytest

from mmuda.apis import UserError
from mmuda.reports.finding import Place, find_runs
from mmuda.reports.methods import methods_of
from mmuda.reports.run import Run
from tests.helpers.two_models import imagery  # noqa: F401  (a fixture)
from tests.helpers.work_dirs import write_run


def names(found):
    return [(place.pair, place.method, place.seed) for place in found.places]


def test_a_run_and_a_folder_of_runs(tmp_path):
    one, other = write_run(tmp_path / 'b'), write_run(tmp_path / 'a')
    assert find_runs([one]).places == [Place(one, 'b')]
    assert [place.work_dir for place in find_runs([one, other, one]).places] == [one, other]
    assert [place.method for place in find_runs([tmp_path]).places] == ['a', 'b']


def test_a_comparison_has_the_order_and_the_bound_of_its_table(tmp_path):
    for config in ('adapted_net_city', 'bound_net_city', 'plain_net_city'):
        for seed in (0, 1):
            write_run(tmp_path / config / f'seed{seed}')
    write_run(tmp_path / 'plain_net_city' / 'seed0.old1')
    (tmp_path / 'chosen.pth').write_text('')
    rows = [dict(config=f'{name}_net_city') for name in ('plain', 'adapted', 'bound')]
    (tmp_path / 'table.json').write_text(json.dumps(dict(rows=rows, target_only='bound_net_city')))
    found = find_runs([tmp_path])
    expected = [('', name, seed) for name in ('plain', 'adapted', 'bound') for seed in (0, 1)]
    assert names(found) == expected and found.target_only == 'bound'
    assert names(find_runs([tmp_path / 'plain_net_city' / 'seed1'])) == [('', 'plain_net_city', 1)]
    assert names(find_runs([tmp_path / 'plain_net_city'])) == [('', 'plain_net_city', 0), ('', 'plain_net_city', 1)]


def test_a_benchmark_has_pairs(tmp_path):
    for pair in ('a2b', 'c2d'):
        for entry in ('z_plain', 'adapted'):
            write_run(tmp_path / pair / entry / 'seed3')
    entries = dict(entries=dict(z_plain={}, adapted={}))
    results = dict(pairs=dict(a2b=entries, c2d=entries), target_only='adapted')
    (tmp_path / 'results.json').write_text(json.dumps(results))
    found = find_runs([tmp_path])
    expected = [('a2b', 'z_plain', 3), ('a2b', 'adapted', 3), ('c2d', 'z_plain', 3), ('c2d', 'adapted', 3)]
    assert names(found) == expected and found.target_only == 'adapted'
    assert names(find_runs([tmp_path / 'c2d'])) == expected[2:]


def test_a_folder_without_a_run_is_told_of(tmp_path):
    (tmp_path / 'empty' / 'below').mkdir(parents=True)
    with pytest.raises(UserError, match='empty holds no run.*give the folder of a run of tools/train.py'):
        find_runs([tmp_path / 'empty'])
    with pytest.raises(UserError, match='nowhere is no folder'):
        find_runs([tmp_path / 'nowhere'])


def test_runs_that_differ_by_their_seed_alone_are_one_method(tmp_path, imagery):  # noqa: F811
    other = tmp_path / 'other.py'
    other.write_text(imagery.read_text().replace('lr=0.1', 'lr=0.2'))
    folders = [
        write_run(tmp_path / 'runs' / 'first', imagery, seed=0),
        write_run(tmp_path / 'runs' / 'again', imagery, seed=1),
        write_run(tmp_path / 'runs' / 'same_seed', imagery, seed=1),
        write_run(tmp_path / 'runs' / 'faster', other, seed=1),
    ]
    found = find_runs(folders)
    runs = [Run.read(place) for place in found.places]
    methods = methods_of(found, runs, 'faster', 'first')
    assert [(one.name, [run.seed for run in one.runs]) for one in methods] == [
        ('faster', [1]),
        ('first', [0, 1]),
        ('same_seed', [1]),
    ]
    assert [one.name for one in methods if one.target_only] == ['first']
    with pytest.raises(UserError, match='--unadapted hope is none of the methods first, same_seed, faster'):
        methods_of(found, runs, 'hope', None)
