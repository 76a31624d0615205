"""Classes of label files become those of a config by name, pixel by pixel."""

import numpy as np
import pytest

from mmuda.datasets import LoveDA, RasterDataset, UDADataset
from mmuda.datasets.public.metainfo import ISPRS_METAINFO
from mmuda.datasets.raster.class_mapping import map_classes
from mmuda.utils.errors import UserError

LOVEDA = ('background', 'building', 'road', 'water', 'barren', 'forest', 'agricultural')
ISPRS = ISPRS_METAINFO['classes']
ONTO_ISPRS = dict(
    background='clutter', road='impervious_surface', water='ignore', barren='clutter', forest='tree',
    agricultural='low_vegetation',
)  # fmt: skip
LOAD = [dict(type='LoadRasterWindow')]


@pytest.fixture
def loveda(tmp_path, write_raster, coded_image):
    """One image of LoveDA with all values, 0 to 7; the label."""
    label = np.random.default_rng(0).integers(0, 8, (24, 40)).astype(np.uint8)
    write_raster(tmp_path / 'Train/Urban/images_png/1.png', coded_image(24, 40))
    write_raster(tmp_path / 'Train/Urban/masks_png/1.png', label)
    return dict(data_root=str(tmp_path), area='urban', pipeline=LOAD), label


def by_hand(label, names, mapping, classes):
    """The class of each pixel, one by one."""
    found = np.empty(label.shape, np.uint8)
    for place, value in np.ndenumerate(label):
        name = names[value]
        goal = mapping.get(name, name)
        found[place] = 255 if goal in (None, 'ignore') else classes.index(goal)
    return found


def test_loveda_onto_the_classes_of_isprs(loveda):
    settings, label = loveda
    dataset = LoveDA(metainfo=dict(classes=ISPRS), class_mapping=ONTO_ISPRS, **settings)
    assert dataset.metainfo['classes'] == ISPRS
    names = dict(enumerate(LOVEDA, 1)) | {0: 'no data'}
    expected = by_hand(label, names, ONTO_ISPRS | {'no data': None}, ISPRS)
    found = dataset[0]['gt_seg_map']
    assert np.array_equal(found, expected)
    # All of ISPRS but cars; water and no data are ignored; building keeps its name.
    assert set(np.unique(found)) == {0, 1, 2, 3, 5, 255}
    assert (found == 1).sum() == (label == 2).sum() and (found == 5).sum() == np.isin(label, (1, 5)).sum()


def test_without_a_mapping_classes_are_chosen_as_mmseg_does(loveda):
    settings, label = loveda
    found = LoveDA(metainfo=dict(classes=('road', 'building')), **settings)[0]['gt_seg_map']
    assert np.array_equal(found, np.select([label == 3, label == 2], [0, 1], 255))


def test_a_stream_joins_one_of_other_classes(loveda, buildings):
    settings, _ = loveda
    metainfo = dict(classes=('background', 'building'), palette=[[0, 0, 0], [255, 255, 255]])
    pipeline = [*LOAD, dict(type='PackUDAInputs')]
    others = {name: 'background' for name in LOVEDA if name not in ('building', 'water')} | dict(water=None)
    target = dict(data_root=str(buildings), data_prefix=dict(img_path='img_dir'), metainfo=metainfo, gsd=0.3)
    streams = UDADataset(
        source=dict(type='LoveDA', metainfo=metainfo, class_mapping=others, **settings | dict(pipeline=pipeline)),
        target=dict(type='RasterDataset', pipeline=pipeline, **target),
    )
    assert streams.metainfo['classes'] == ('background', 'building')


def test_colours_of_the_map_are_those_of_the_classes(loveda):
    """A class has its own colour if the files know its name, else that of the first class that maps to it."""
    settings, _ = loveda
    own = dict(zip(LOVEDA, LoveDA.METAINFO['palette'], strict=True))
    palette = LoveDA(metainfo=dict(classes=ISPRS), class_mapping=ONTO_ISPRS, **settings).metainfo['palette']
    expected = [own[name] for name in ('road', 'building', 'agricultural', 'forest')]
    assert palette[:4] == expected and palette[5] == own['background'] and len(palette[4]) == 3
    given = LoveDA(metainfo=ISPRS_METAINFO, class_mapping=ONTO_ISPRS, **settings).metainfo['palette']
    assert given == ISPRS_METAINFO['palette']


def test_any_rasters_name_the_classes_of_their_files(towns, tmp_path):
    """Values that are no indices, many to one, and another order."""
    label = np.random.default_rng(1).choice(np.array([3, 7, 112, 200], np.uint8), (20, 30))
    settings = towns(dict(a=label))
    settings |= dict(metainfo=dict(classes=('roof', 'ground')), label_values={3: 0, 7: 1, 112: 2, 200: 3})
    names = ('ground', 'house', 'shed', 'cloud')
    mapping = dict(house='roof', shed='roof', cloud=None)
    dataset = RasterDataset(**settings | dict(file_classes=names, class_mapping=mapping, pipeline=LOAD))
    expected = by_hand(label, {3: 'ground', 7: 'house', 112: 'shed', 200: 'cloud'}, mapping, ('roof', 'ground'))
    assert np.array_equal(dataset[0]['gt_seg_map'], expected)


def test_colours_of_files_are_mapped(towns):
    red, blue, grey = (255, 0, 0), (0, 0, 255), (90, 90, 90)
    label = np.array([[red, blue, grey, red]] * 8, np.uint8)
    settings = towns(dict(a=label)) | dict(metainfo=dict(classes=('roof', 'ground'), palette=[[1, 1, 1], [2, 2, 2]]))
    settings |= dict(file_classes=('house', 'ground', 'shed'), class_mapping=dict(house='roof', shed='roof'))
    dataset = RasterDataset(**settings | dict(label_colours={red: 0, blue: 1, grey: 2}, pipeline=LOAD))
    assert dataset[0]['gt_seg_map'][0].tolist() == [0, 1, 0, 0]


@pytest.mark.parametrize(
    ('mapping', 'says'),
    [
        (
            dict(background='clutter', forest='tree'),
            'D: road, water, barren, agricultural of its files are none of the classes impervious_surface, building, ',
        ),
        (
            dict(ONTO_ISPRS, rood='building'),
            r"maps 'rood', but its files have the classes background, .* \(did you mean road\?\)",
        ),
        (
            dict(ONTO_ISPRS, road='cars'),
            r"maps 'road' to 'cars', but the classes are .* \(did you mean car\?\); None or",
        ),
        (dict(ONTO_ISPRS, road=3), "maps 'road' to '3', but the classes are"),
        (['building'], 'must be a dict'),
    ],
)
def test_what_is_not_mapped_is_listed(mapping, says):
    with pytest.raises(UserError, match=says):
        map_classes(LOVEDA, ISPRS, mapping, 'D')


def test_a_dataset_says_so_when_it_is_built(loveda):
    settings, _ = loveda
    with pytest.raises(UserError, match="LoveDA: background, road, water, .* set class_mapping={'background': ..."):
        LoveDA(metainfo=dict(classes=ISPRS), class_mapping={}, **settings)


def test_a_class_may_be_called_ignore():
    assert map_classes(('a', 'b'), ('ignore', 'b'), dict(a='ignore'), 'D') == {0: 0, 1: 1}
    assert map_classes(('a', 'b'), ('c', 'b'), dict(a='ignore'), 'D') == {0: 255, 1: 1}
