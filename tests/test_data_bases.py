"""The data of configs/_base_/datasets, read from small files in the layout of each download."""

import warnings

import numpy as np
import pytest
import rasterio
from rasterio.errors import NotGeoreferencedWarning

from mmuda.apis import load_config
from mmuda.apis.new_config import new_config
from mmuda.datasets import DrawIndex
from mmuda.registry import DATASETS
from tests.helpers import CONFIGS


def loveda(part):
    return f'loveda/{part}/images_png/0.png', f'loveda/{part}/masks_png/0.png'


def isprs(place, name):
    return f'{place}/img_dir/{name}.tif', f'{place}/ann_dir/{name}.tif'


def cityscapes(split):
    return f'cityscapes/leftImg8bit/{split}/a_leftImg8bit.png', f'cityscapes/gtFine/{split}/a_gtFine_labelIds.png'


# Image and label of the source, the target and the validation.
FILES = dict(
    loveda_urban2rural=[loveda('Train/Urban'), loveda('Train/Rural'), loveda('Val/Rural')],
    loveda_rural2urban=[loveda('Train/Rural'), loveda('Train/Urban'), loveda('Val/Urban')],
    potsdam2vaihingen=[isprs('potsdam', '2_11'), isprs('vaihingen', 'area1'), isprs('vaihingen', 'area2')],
    vaihingen2potsdam=[isprs('vaihingen', 'area1'), isprs('potsdam', '2_11'), isprs('potsdam', '2_13')],
    gta2cityscapes=[('gta5/images/1.png', 'gta5/labels/1.png'), cityscapes('train'), cityscapes('val')],
    synthia2cityscapes=[('synthia/RGB/1.png', 'synthia/GT/LABELS/1.png'), cityscapes('train'), cityscapes('val')],
)
CLASSES = dict(loveda=7, potsdam=6, vaihingen=6, gta=19, synthia=16)


@pytest.fixture
def small_files(tmp_path, monkeypatch):
    """A function that writes the files of a pair of datasets where its config looks for them."""

    def write(data):
        rng, values = np.random.default_rng(0), (7, 14) if data.endswith('cityscapes') else (0, 7)
        for paths in FILES[data]:
            image = rng.integers(0, 256, (3, 540, 600), dtype=np.uint8)
            label = np.repeat(np.repeat(rng.integers(*values, (1, 54, 60), dtype=np.uint8), 10, 1), 10, 2)
            for path, array in zip(paths, (image, label), strict=True):
                path = tmp_path / 'data' / path
                path.parent.mkdir(parents=True, exist_ok=True)
                driver = 'PNG' if path.suffix == '.png' else 'GTiff'
                profile = dict(driver=driver, height=540, width=600, count=len(array), dtype='uint8')
                with warnings.catch_warnings():
                    warnings.simplefilter('ignore', NotGeoreferencedWarning)
                    with rasterio.open(path, 'w', **profile) as file:
                        file.write(array)
        monkeypatch.chdir(tmp_path)

    return write


def loaders(tmp_path, data, method='source_only', more=''):
    text = new_config(method, data).replace("'../_base_", f"'{CONFIGS}/_base_") + more
    (tmp_path / 'config.py').write_text(text)
    cfg = load_config(tmp_path / 'config.py')
    return DATASETS.build(cfg.train_dataloader.dataset), DATASETS.build(cfg.val_dataloader.dataset)


CROPS = 'train_dataloader = _base_.crops\n'


@pytest.mark.parametrize('data', FILES)
def test_methods_of_whole_images_get_crops_of_one_size(data, small_files, tmp_path):
    small_files(data)
    train, val = loaders(tmp_path, data, more=CROPS if data.endswith('cityscapes') else '')
    for draw in range(2):
        item = train[DrawIndex(0, draw, seed=0)]
        assert item['source']['inputs'].shape == item['target']['inputs'].shape == (3, 512, 512)
        assert item['source']['data_samples'].gt_sem_seg.shape == (512, 512)
        assert 'gt_sem_seg' not in item['target']['data_samples']
    assert len(train.metainfo['classes']) == len(val.metainfo['classes']) == CLASSES[data.split('_')[0].split('2')[0]]
    assert 'gt_sem_seg' in val[0]['data_samples']
    assert train.target.rasters[0].path != val.rasters[0].path


@pytest.mark.parametrize('data', ['loveda_urban2rural', 'vaihingen2potsdam', 'synthia2cityscapes'])
def test_the_source_is_augmented_and_the_rest_is_not(data, small_files, tmp_path):
    small_files(data)
    plain, augmented = (loaders(tmp_path, data, method)[0] for method in ('source_only', 'source_only_augmented'))
    before, after = (one[DrawIndex(0, 1, seed=0)] for one in (plain, augmented))
    assert np.array_equal(before['target']['inputs'], after['target']['inputs'])
    labels = [item['source']['data_samples'].gt_sem_seg.data for item in (before, after)]
    assert labels[0].shape == labels[1].shape
    assert not np.array_equal(before['source']['inputs'], after['source']['inputs'])
    if data != 'synthia2cityscapes':
        assert not np.array_equal(*labels)
        assert before['source']['data_samples'].window[2:] == (512, 512) != after['source']['data_samples'].window[2:]
        assert before['source']['data_samples'].gsd == pytest.approx(after['source']['data_samples'].gsd)


def test_rare_classes_are_drawn_on_street_scenes_as_by_the_released_code(small_files, tmp_path):
    """The file is one place, whatever its size; crops of the resized image are drawn until one holds enough."""
    small_files('gta2cityscapes')
    more = CROPS + 'train_dataloader.dataset.rare_classes = dict(temperature=0.01)\n'
    train, _ = loaders(tmp_path, 'gta2cityscapes', more=more)
    assert train.rare_classes.counts.cells.tolist() == [[0, 0, 540, 600]]
    assert train[DrawIndex(0, 0, seed=0)]['source']['inputs'].shape == (3, 512, 512)
