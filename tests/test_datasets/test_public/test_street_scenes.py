"""Datasets of street scenes and roads, in the layouts and encodings of their downloads."""

import numpy as np
import pytest
import rasterio
from mmengine.config import Config
from mmseg.datasets import CityscapesDataset
from PIL import Image

from mmuda.datasets import GTA5, Cityscapes, DeepGlobeRoads, MassachusettsRoads, Synthia
from mmuda.datasets.public.street_scenes import SYNTHIA_CLASSES
from mmuda.registry import DATASETS
from tests.helpers import CONFIGS

PIPELINE = [dict(type='LoadRasterWindow'), dict(type='PackUDAInputs')]
# What the originals say: https://github.com/mcordts/cityscapesScripts, labels.py; -1 (licence plate) is stored as 255.
CITYSCAPES = {7: 'road', 8: 'sidewalk', 11: 'building', 12: 'wall', 13: 'fence', 17: 'pole', 19: 'traffic light',
              20: 'traffic sign', 21: 'vegetation', 22: 'terrain', 23: 'sky', 24: 'person', 25: 'rider', 26: 'car',
              27: 'truck', 28: 'bus', 31: 'train', 32: 'motorcycle', 33: 'bicycle'}  # fmt: skip
SYNTHIA = {1: 'sky', 2: 'building', 3: 'road', 4: 'sidewalk', 5: 'fence', 6: 'vegetation', 7: 'pole', 8: 'car',
           9: 'traffic sign', 10: 'person', 11: 'bicycle', 12: 'motorcycle', 15: 'traffic light', 17: 'rider',
           19: 'bus', 21: 'wall'}  # fmt: skip


def image(path, shape=(5, 8)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((*shape, 3), (10, 20, 30), dtype=np.uint8)).save(path)


def label_of(dataset):
    sample = dataset[0]
    assert sample['inputs'][:, 0, 0].tolist() == [10, 20, 30]
    return sample['data_samples'].gt_sem_seg.data[0].numpy().ravel()


def names_of(ids, known, classes):
    return [classes.index(known[i]) if known.get(i) in classes else 255 for i in ids]


def test_gta5_as_downloaded(tmp_path):
    image(tmp_path / 'images' / '00001.png')
    label = Image.fromarray(np.arange(40, dtype=np.uint8).reshape(5, 8) % 35, mode='P')
    label.putpalette(np.random.default_rng(0).integers(0, 256, 768).astype(np.uint8).tobytes())
    (tmp_path / 'labels').mkdir()
    label.save(tmp_path / 'labels' / '00001.png')
    dataset = GTA5(data_root=str(tmp_path), pipeline=PIPELINE)
    assert dataset.metainfo['classes'] == CityscapesDataset.METAINFO['classes']
    expected = names_of(np.arange(40) % 35, CITYSCAPES, list(dataset.metainfo['classes']))
    assert label_of(dataset).tolist() == expected
    image(tmp_path / 'images' / '15188.png', (4, 4))  # whose label has another size
    label.save(tmp_path / 'labels' / '15188.png')
    assert len(GTA5(data_root=str(tmp_path)).rasters) == 1


def test_synthia_as_downloaded(tmp_path):
    image(tmp_path / 'RGB' / '0000000.png')
    values = (np.arange(40) % 23).reshape(5, 8).astype(np.uint16)
    path = tmp_path / 'GT' / 'LABELS' / '0000000.png'
    path.parent.mkdir(parents=True)
    profile = dict(driver='PNG', height=5, width=8, count=3, dtype='uint16')
    with rasterio.open(path, 'w', **profile) as file:  # class, instance, nothing
        file.write(np.stack([values, values * 1000, values * 0]))
    dataset = Synthia(data_root=str(tmp_path), pipeline=PIPELINE)
    assert label_of(dataset).tolist() == names_of(np.arange(40) % 23, SYNTHIA, list(SYNTHIA_CLASSES))


def test_cityscapes_as_downloaded_and_with_the_classes_of_synthia(tmp_path):
    image(tmp_path / 'leftImg8bit' / 'val' / 'ulm' / 'ulm_000_leftImg8bit.png')
    path = tmp_path / 'gtFine' / 'val' / 'ulm' / 'ulm_000_gtFine_labelIds.png'
    path.parent.mkdir(parents=True)
    ids = np.arange(40, dtype=np.uint8).reshape(5, 8) % 35
    ids[0, 0] = 255
    Image.fromarray(ids).save(path)
    for options in ({}, dict(metainfo=dict(classes=SYNTHIA_CLASSES))):
        dataset = Cityscapes('val', data_root=str(tmp_path), pipeline=PIPELINE, **options)
        classes = list(options.get('metainfo', CityscapesDataset.METAINFO)['classes'])
        assert len(dataset.metainfo['palette']) == len(classes)
        assert label_of(dataset).tolist() == names_of(ids.ravel().tolist(), CITYSCAPES, classes)
    with pytest.raises(ValueError, match="no split 'test'"):
        Cityscapes('test', data_root=str(tmp_path))


def test_massachusetts_roads_as_downloaded(tmp_path, write_raster, coded_image):
    write_raster(tmp_path / 'train' / 'sat' / 'a.tiff', coded_image(4, 8))
    mask = np.zeros((4, 8), dtype=np.uint8)
    mask[1] = 255
    write_raster(tmp_path / 'train' / 'map' / 'a.tif', mask)
    dataset = MassachusettsRoads(data_root=str(tmp_path), pipeline=PIPELINE)
    assert dataset.metainfo['classes'] == ('background', 'road') and dataset.rasters[0].gsd == 1.0
    assert dataset[0]['data_samples'].gt_sem_seg.data[0].numpy().tolist() == (mask // 255).tolist()


def test_deepglobe_roads_are_split_by_number_and_masks_by_128(tmp_path):
    values = np.array([[0, 1, 127, 128], [254, 255, 0, 255]], dtype=np.uint8)
    for number in range(34, 40):
        image(tmp_path / 'train' / f'{number}_sat.jpg', values.shape)
        Image.fromarray(np.stack([values] * 3, axis=-1)).save(tmp_path / 'train' / f'{number}_mask.png')
    splits = {
        split: DeepGlobeRoads(split, data_root=str(tmp_path), pipeline=PIPELINE) for split in ('train', 'val', 'all')
    }
    numbers = {k: [r.path.rsplit('/', 1)[1].split('_')[0] for r in d.rasters] for k, d in splits.items()}
    assert numbers == dict(train=['34', '35', '37', '38', '39'], val=['36'], all=['34', '35', '36', '37', '38', '39'])
    found = splits['val'][0]['data_samples'].gt_sem_seg.data[0].numpy()
    assert found.tolist() == [[0, 0, 0, 1], [1, 1, 0, 1]]


def test_clans_pipelines_scale_and_mirror_images_and_keep_labels_at_their_size(tmp_path):
    image(tmp_path / 'images' / '00001.png', (72, 128))
    (tmp_path / 'labels').mkdir()
    ids = np.full((72, 128), 7, dtype=np.uint8)
    ids[:, :64] = 8  # left half sidewalk, right half road
    Image.fromarray(ids).save(tmp_path / 'labels' / '00001.png')
    cfg = Config.fromfile(CONFIGS / 'clan' / 'clan_code_deeplabv2-r101_gta2cityscapes.py')
    source = cfg.train_dataloader.dataset.source
    dataset = DATASETS.build(dict(source, data_root=str(tmp_path), check_labels='none'))
    seen = set()
    for seed in range(30):
        np.random.seed(seed)
        sample = dataset[0]
        label = sample['data_samples'].gt_sem_seg.data[0]
        assert label.shape == (720, 1280)
        assert (label[:, :640] == label[0, 0]).all() and (label[:, 640:] == label[0, -1]).all()
        seen.add((tuple(sample['inputs'].shape[1:]), int(label[0, 0])))
    assert seen == {(size, first) for size in ((576, 1024), (720, 1280), (792, 1408)) for first in (0, 1)}
