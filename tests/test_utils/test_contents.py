"""Files that can be read and hold something else than they should."""

import json

import pytest

from mmuda.datasets.legends import read_legend
from mmuda.datasets.pairing import build_pairing
from mmuda.utils.errors import UserError
from mmuda.utils.json_file import read_object
from mmuda.utils.metainfo import check_metainfo
from mmuda.visualization.curves import read_log


@pytest.mark.parametrize(
    ('meta', 'expected'),
    [
        (dict(classes=3), 'classes=3 of a dataset are not names'),
        (dict(classes=('a', 'b'), palette=[[0, 0, 0]] * 300), 'has 300 colours; a map has at most 255'),
        (dict(classes=('a', 'b'), palette=[[0, 0]] * 2), r'has \[0, 0\]; give each class a colour'),
        (dict(classes=('a', 'b'), palette=7), 'has 7; give each class a colour'),
        (dict(classes=('a', 'b'), palette=[[0.5, 0, 0], [1, 1, 1]]), r'has \[0.5, 0, 0\]'),
    ],
)
def test_names_and_colours_of_classes(meta, expected):
    with pytest.raises(UserError, match=expected):
        check_metainfo(meta, 'a dataset')


def test_names_and_colours_that_are_right(tmp_path):
    check_metainfo(dict(classes=['a'], palette=[]), 'a dataset')
    check_metainfo(dict(classes=('a', 'b'), palette=[[0, 0, 0], (255, 255, 255)], more=1), 'a dataset')
    (tmp_path / 'classes.txt').write_text('a\nb\n')
    check_metainfo(dict(classes=str(tmp_path / 'classes.txt')), 'a dataset')


@pytest.mark.parametrize(
    ('text', 'expected'),
    [
        (b'[1]', 'holds a list where an object was expected; make it again'),
        (b'{"seconds": 1}', 'lacks mode; make it again'),
        (b'{"mode": ', 'is no JSON .*; make it again'),
        (b'\xff\xfe\x00', 'is no JSON .*; make it again'),
    ],
)
def test_an_object_in_json(tmp_path, text, expected):
    (tmp_path / 'a.json').write_bytes(text)
    with pytest.raises(UserError, match=expected):
        read_object(tmp_path / 'a.json', 'make it again', keys=('mode', 'seconds'))


@pytest.mark.parametrize(
    ('table', 'expected'),
    [
        (dict(pairs=[0], source=3), 'describes its source by 3; make it again'),
        ([float('inf')], 'which is no index'),
        ([None], 'which is no index'),
        (dict(a=1), 'which is no index'),
        (7, 'write a list or object'),
    ],
)
def test_pairs_of_something_else(tmp_path, table, expected):
    (tmp_path / 'pairs.json').write_text(json.dumps(table))

    class Set(list):
        metainfo = {}

    with pytest.raises(ValueError, match=expected):
        build_pairing(str(tmp_path / 'pairs.json'), 1, 2, source=Set([0]), target=Set([0, 1]))


@pytest.mark.parametrize(
    ('legend', 'expected'),
    [
        ([1], 'cannot be read'),
        (dict(classes='water', codes={}), 'cannot be read'),
        (dict(classes=[1, 2], codes={}), 'are not names'),
        (dict(classes=['a'], codes={'11': 'a'}), 'cannot be read'),
    ],
)
def test_a_legend_of_another_form(tmp_path, legend, expected):
    (tmp_path / 'legend.json').write_text(json.dumps(legend))
    with pytest.raises(ValueError, match=expected):
        read_legend(tmp_path / 'legend.json')


def test_a_log_of_something_else(tmp_path):
    folder = tmp_path / 'a' / 'vis_data'
    folder.mkdir(parents=True)
    (folder / 'scalars.json').write_text('[1, 2]\n')
    with pytest.raises(UserError, match='is no log of a run'):
        read_log(tmp_path)
