import ast
import inspect
import math

import numpy as np
import pytest

from mmuda.datasets import (
    GTA5,
    DroneBuildings,
    GermanCity,
    InriaBuildings,
    LoveDA,
    MassachusettsBuildings,
    Potsdam,
    Vaihingen,
)
from mmuda.datasets.public.benchmark import Benchmark
from mmuda.utils.signatures import arguments_of

TEST = [dict(type='LoadRasterWindow'), dict(type='PackUDAInputs')]


def subclasses(cls):
    return [one for direct in cls.__subclasses__() for one in (direct, *subclasses(direct))]


def names(dataset):
    return [raster.path.rsplit('/', 1)[1] for raster in dataset.rasters]


@pytest.fixture
def pair(tmp_path, write_raster, coded_image):
    """A function that writes an image and a label of the given values in a layout."""

    def write(image, label, values=(0, 1), bands=1):
        write_raster(tmp_path / image, coded_image(4, 8))
        mask = np.resize(np.array(values, np.uint8), (4, 8))
        write_raster(tmp_path / label, mask if bands == 1 else np.stack([mask, 0 * mask, 0 * mask], -1))
        return str(tmp_path)

    return write


def test_massachusetts(pair):
    root = pair('img_dir/train/22678915_15.tiff', 'ann_dir/train/22678915_15.tif')
    pair('img_dir/test/1.png', 'ann_dir/test/1.png')
    dataset = MassachusettsBuildings(data_root=root, pipeline=TEST)
    assert dataset.metainfo['classes'] == ('background', 'building')
    assert dataset.rasters[0].gsd == 1.0
    assert dataset[0]['data_samples'].gt_sem_seg.data[0, 0].tolist() == [0, 1] * 4
    assert names(MassachusettsBuildings('test', data_root=root)) == ['1.png']
    with pytest.raises(ValueError, match="MassachusettsBuildings has no split 'all'; choose one of train, val, test"):
        MassachusettsBuildings('all', data_root=root)


def test_massachusetts_masks_as_downloaded(pair):
    root = pair('img_dir/train/a.tiff', 'ann_dir/train/a.tif', values=(0, 255), bands=3)
    dataset = MassachusettsBuildings(data_root=root, pipeline=TEST, label_values={0: 0, 255: 1})
    assert dataset[0]['data_samples'].gt_sem_seg.data[0, 0].tolist() == [0, 1] * 4


def test_inria_splits_by_number_whatever_the_folder(pair):
    for name in ('austin1', 'austin5', 'austin6', 'tyrol-w36', 'tyrol-w2', 'vienna12_0_512'):
        root = pair(f'img_dir/train/{name}.tif', f'ann_dir/train/{name}.tif')
    assert names(InriaBuildings('val', data_root=root)) == ['austin1.tif', 'austin5.tif', 'tyrol-w2.tif']
    train = InriaBuildings(data_root=root, labelled=False)
    assert names(train) == ['austin6.tif', 'tyrol-w36.tif', 'vienna12_0_512.tif']
    assert not train.labelled
    assert train.rasters[0].gsd == 0.3
    with pytest.raises(FileNotFoundError, match=r'val split: <city><number> with 1 <= number <= 5'):
        InriaBuildings('val', data_root=root, img_suffix='.png')


def test_inria_masks_as_downloaded(pair):
    root = pair('train/images/austin7.tif', 'train/gt/austin7.tif', values=(0, 255))
    prefix = dict(img_path='train/images', seg_map_path='train/gt')
    with pytest.raises(ValueError, match='hold only 0 and 255'):
        InriaBuildings(data_root=root, data_prefix=prefix)
    InriaBuildings(data_root=root, data_prefix=prefix, label_values={0: 0, 255: 1})


def test_vaihingen(pair):
    for folder, name in (('train', 'area1_0_0_512_512'), ('train', 'area11'), ('val', 'area2')):
        root = pair(f'img_dir/{folder}/{name}.png', f'ann_dir/{folder}/{name}.png', values=(0, 1, 6, 5))
    dataset = Vaihingen(data_root=root, pipeline=TEST)
    assert len(dataset.metainfo['classes']) == len(dataset.metainfo['palette']) == 6
    # As mmseg's converter writes them: 1 is the first class, 0 ignored.
    assert dataset[0]['data_samples'].gt_sem_seg.data[0, 0].tolist() == [255, 0, 5, 4] * 2
    assert dataset.rasters[0].gsd == 0.09
    assert names(dataset) == ['area11.png', 'area1_0_0_512_512.png', 'area2.png']
    assert names(Vaihingen('train', data_root=root)) == ['area11.png', 'area1_0_0_512_512.png']
    assert names(Vaihingen('val', data_root=root)) == ['area2.png']
    assert names(Vaihingen('all', areas=(2, 11), data_root=root)) == ['area11.png', 'area2.png']


def test_potsdam(pair):
    for folder, name in (
        ('train', '2_10_0_0_512_512'),
        ('train', '2_11'),
        ('train', 'top_potsdam_7_11_IRRG'),
        ('val', '5_15'),
    ):
        root = pair(f'img_dir/{folder}/{name}.png', f'ann_dir/{folder}/{name}.png', values=(0, 1, 6))
    train = Potsdam(data_root=root, gsd=0.045)
    assert names(train) == ['2_10_0_0_512_512.png', 'top_potsdam_7_11_IRRG.png']
    assert train.rasters[0].gsd == 0.045
    assert names(Potsdam('val', data_root=root)) == ['2_11.png']
    assert len(names(Potsdam('all', data_root=root))) == 3
    splits = {split: set(tiles) for split, tiles in Potsdam.TILES.items()}
    assert len(splits['train']) == len(splits['val']) == 12
    assert not splits['train'] & splits['val']
    mmsegs = '5_15 6_15 6_13 3_13 4_14 6_14 5_14 2_13 4_15 2_14 5_13 4_13 3_14 7_13'
    assert splits['test'] == set(mmsegs.split()) and len(Potsdam.TILES['test']) == 14


def test_loveda_as_downloaded(pair):
    for part in ('Train/Urban', 'Val/Rural'):
        root = pair(f'{part}/images_png/0.png', f'{part}/masks_png/0.png', values=range(8))
    pair('Test/Rural/images_png/4191.png', 'unused/4191.png')
    dataset = LoveDA('urban', data_root=root, pipeline=TEST)
    assert dataset.metainfo['classes'][::6] == ('background', 'agricultural') and dataset.rasters[0].gsd == 0.3
    assert dataset[0]['data_samples'].gt_sem_seg.data[0, 0].tolist() == [255, 0, 1, 2, 3, 4, 5, 6]
    assert len(LoveDA('rural', 'val', data_root=root)) == 1
    assert names(LoveDA('rural', 'test', data_root=root, labelled=False)) == ['4191.png']
    with pytest.raises(ValueError, match="LoveDA has no area 'suburban'; choose one of urban, rural"):
        LoveDA('suburban', data_root=root)
    with pytest.raises(ValueError, match="LoveDA has no split 'all'"):
        LoveDA('urban', 'all', data_root=root)
    with pytest.raises(FileNotFoundError, match='Train/Rural/images_png'):
        LoveDA('rural', data_root=root)


def test_drone_buildings(tmp_path, write_raster, coded_image):
    for stem, gsd in (
        ('source_nairobi/nairobi_a_15cm', 0.15),
        ('source_nairobi/nairobi_a_7cm', 0.075),
        ('target_kampala/kampala_train_7cm', 0.075),
        ('target_kampala/kampala_val_a_7cm', 0.075),
    ):
        where = dict(gsd=gsd, crs='EPSG:3857', origin=(3.6e6, 0.0))
        write_raster(tmp_path / 'real' / f'{stem}_image.tif', coded_image(4, 8), **where)
        write_raster(tmp_path / 'real' / f'{stem}_label.tif', np.resize(np.uint8([0, 1, 255]), (4, 8)), **where)
    (tmp_path / 'link').symlink_to(tmp_path / 'real')
    root = str(tmp_path / 'link')
    source = DroneBuildings('15cm', name_prefix='nairobi', data_root=root, pipeline=TEST)
    assert names(source) == ['nairobi_a_15cm_image.tif']
    # On the equator a metre of the map is a metre from west to east, and 1 - e^2 of one from south to north.
    assert source.rasters[0].gsd == pytest.approx(0.15 * math.sqrt(1 - 6.69437999014e-3), rel=1e-6)
    assert source[0]['data_samples'].gt_sem_seg.data[0, 0].tolist() == [0, 1, 255, 0, 1, 255, 0, 1]
    assert len(DroneBuildings('7cm', data_root=root).rasters) == 3
    target = DroneBuildings('7cm', name_prefix='kampala_train', labelled=False, data_root=root)
    assert names(target) == ['kampala_train_7cm_image.tif']
    assert not target.labelled
    with pytest.raises(ValueError, match="DroneBuildings has no resolution '30cm'"):
        DroneBuildings('30cm', data_root=root)


def test_german_cities_split_their_sixteen_tiles(pair):
    for city in ('hannover', 'nienburg'):
        for tile in range(16):
            name = f'{city}_{tile // 4}_{tile % 4}'
            root = pair(f'img_dir/{name}.tif', f'ann_dir/{name}.tif', values=(0, 5))
    splits = {split: names(GermanCity('hannover', split, data_root=root)) for split in ('train', 'val', 'all')}
    assert [len(splits[split]) for split in ('train', 'val', 'all')] == [10, 6, 16]
    assert sorted(splits['train'] + splits['val']) == splits['all']
    assert splits['train'] != names(GermanCity('hannover', seed=1, data_root=root))
    omitted = splits['val'][0].removesuffix('.tif').removeprefix('hannover_')
    fewer = GermanCity('hannover', 'val', omit=[omitted], data_root=root, pipeline=TEST)
    assert names(fewer) == splits['val'][1:] and fewer.rasters[0].gsd == 0.2
    assert fewer[0]['data_samples'].gt_sem_seg.data[0, 0].tolist() == [0, 5] * 4
    with pytest.raises(ValueError, match="GermanCity has no city 'bremen'"):
        GermanCity('bremen', data_root=root)
    with pytest.raises(FileNotFoundError, match='train split: buxtehude_<row>_<col> with <row>_<col> one of'):
        GermanCity('buxtehude', data_root=root)


def test_a_benchmark_has_no_splits_unless_it_names_some(pair):
    with pytest.raises(ValueError, match="GTA5 has no split 'train'; it has no splits at all"):
        GTA5('train')


@pytest.mark.parametrize(
    'benchmark',
    [cls for cls in subclasses(Benchmark) if not cls.__name__.startswith('_')],
    ids=lambda cls: cls.__name__,
)
def test_a_benchmark_is_class_attributes_and_a_selection(benchmark):
    """Few lines beside its docstring, and every argument that a config may give is known."""
    definition = ast.parse(inspect.getsource(benchmark)).body[0]
    lines = definition.end_lineno - definition.body[1].lineno + 1
    assert lines <= 30
    known = arguments_of(benchmark)
    assert known.closed and {'data_root', 'gsd', 'label_values', 'tile', 'bands', 'test_mode'} <= {*known.names}
