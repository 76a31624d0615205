"""Which scalars are drawn where, and how long lines become short."""

import numpy as np
import pytest

from mmuda.reports.charts import thinned
from mmuda.reports.curves import curves_of, series_of
from mmuda.reports.finding import Place
from mmuda.reports.methods import Method
from mmuda.reports.run import Run

TWICE = {1: 1.0, 2: 2.0}


def method(tmp_path, *scalars):
    runs = [Run(Place(tmp_path, 'one', '', seed), scalars=of) for seed, of in enumerate(scalars)]
    return Method('one', runs, '#112233')


def titles(pictures):
    return [one.alt.partition(' over')[0] for one in pictures]


def test_every_scalar_is_drawn_once_where_it_belongs(tmp_path):
    keys = ['mIoU', 'IoU.roof', 'entropy', 'a.loss_ce', 'b.loss', 'segmentor.lr', 'time', 'd.loss_discriminator']
    keys += ['d.acc_source', 'discriminator.d.discriminator.grad_norm', 'segmentor.segmentor.grad_norm']
    curves = curves_of([method(tmp_path, dict.fromkeys(keys, TWICE))])
    assert titles(curves.scores) == ['mIoU', 'entropy', 'IoU.roof']
    assert titles(curves.losses) == ['a.loss_ce', 'b.loss']  # sums come last
    assert titles(curves.others) == ['segmentor.lr', 'segmentor.segmentor.grad_norm']
    assert [one.caption for one in curves.scores][1] == 'needs no labels; lower is better'
    assert curves.losses[0].alt == 'a.loss_ce over iterations: one ends at 2'


def test_what_was_logged_once_is_no_curve(tmp_path):
    once = {'mIoU': {9: 3.0}}
    assert not curves_of([method(tmp_path, once)]).scores
    assert len(curves_of([method(tmp_path, once, dict(mIoU=TWICE))]).scores) == 1


def test_there_is_a_line_a_run(tmp_path):
    lines = series_of([method(tmp_path, dict(x=TWICE), {}, dict(x={3: 4.0}))], 'x')
    assert [(one.name, one.colour, list(one.steps), list(one.values)) for one in lines] == [
        ('one', '#112233', [1, 2], [1.0, 2.0]),
        ('one', '#112233', [3], [4.0]),
    ]


def test_long_lines_become_means_of_neighbours():
    steps, values = np.arange(1000), np.random.default_rng(0).normal(size=1000)
    short_steps, short_values = thinned(steps, values, 100)
    assert short_values == pytest.approx(values.reshape(100, 10).mean(axis=1))
    assert short_steps == pytest.approx(steps.reshape(100, 10).mean(axis=1))
    assert thinned([1, 2], [3.0, 4.0])[1].tolist() == [3.0, 4.0]
