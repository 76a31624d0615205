"""Tables of scores recomputed: intervals, paired differences, NAM, classes."""

import json
import math
import statistics

import pytest
from scipy.stats import t

from mmuda.reports.finding import find_runs
from mmuda.reports.methods import classes_table, methods_of, results_table
from mmuda.reports.run import Run
from tests.helpers.work_dirs import write_run

SCORES = dict(plain=[30.0, 33.0, 36.0], adapted=[38.0, 39.0, 43.0], bound=[50.0, 52.0, 54.0])


@pytest.fixture
def methods(tmp_path):
    for name, values in SCORES.items():
        for seed, value in enumerate(values):
            metrics = {'mIoU': value, 'IoU.ground': value + 5, 'IoU.roof': None if name == 'plain' else value - 5}
            write_run(tmp_path / name / f'seed{seed}', metrics=metrics, seed=seed)
    table = dict(rows=[dict(config=name) for name in SCORES], target_only='bound')
    (tmp_path / 'table.json').write_text(json.dumps(table))
    found = find_runs([tmp_path])
    return methods_of(found, [Run.read(place) for place in found.places], None, None)


def half_width(values):
    return t.ppf(0.975, len(values) - 1) * statistics.stdev(values) / math.sqrt(len(values))


def test_results(methods):
    grid = results_table(methods)
    assert grid.head[:4] == ['method', 'mIoU, %', 'minus plain', 'NAM, %']
    values, gains = SCORES['adapted'], [38 - 30, 39 - 33, 43 - 36]
    row = grid.rows[1]
    assert row[1].text == f'{statistics.mean(values):.1f} ± {half_width(values):.1f}'
    assert row[2].text == f'{statistics.mean(gains):+.1f} ± {half_width(gains):.1f}'
    assert row[3].value == pytest.approx(100 * (40 - 33) / (52 - 33))
    assert row[4].text == '3 (0, 1, 2)'
    assert [one[3].text for one in grid.rows] == ['0', '37', '100'] and grid.rows[0][2].text == ''


def test_classes(methods):
    grid = classes_table(methods)
    assert grid.head == ['method', 'ground', 'roof']
    ground = [value + 5 for value in SCORES['adapted']]
    assert grid.rows[1][1].text == f'{statistics.mean(ground):.1f} ± {half_width(ground):.1f}'
    assert grid.rows[1][1].share == pytest.approx(statistics.mean(ground) / 100)
    assert (grid.rows[0][2].text, grid.rows[0][2].share) == ('-', None)


def test_an_interval_of_two_seeds_is_left_out_where_it_says_nothing(methods):
    for method in methods:
        method.runs = method.runs[:2]
    assert classes_table(methods).rows[1][1].text == '43.5'
    assert '±' in results_table(methods).rows[1][1].text


def test_without_scores_there_is_no_table(methods):
    for method in methods:
        for run in method.runs:
            run.summary = {}
    assert results_table(methods) is None and classes_table(methods) is None
