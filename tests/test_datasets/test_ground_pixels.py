"""Rasters in degrees at 60 degrees north, whose pixels are half as wide as high: on the ground a disc stays a disc."""

import math

import numpy as np
import pytest
import torch
from mmengine.structures import PixelData

from mmuda.datasets import PatchSet, UDADataset
from mmuda.datasets.raster.items import grid_follows
from mmuda.datasets.raster.reading import probe_raster
from mmuda.datasets.transforms import RandomGroundCrop, ResampleToGSD
from mmuda.evaluation import ClassIoUMetric
from mmuda.registry import DATASETS, TRANSFORMS

CLASSES = dict(classes=('ground', 'disc'), palette=[[0, 0, 0], [255, 255, 255]])
DEGREES = 4e-6
# Height and width of the pixels in metres: radii of curvature at 60 degrees north times the angle.
ROOT = math.sqrt(1 - 6.69437999014e-3 * 0.75)
HIGH = math.radians(DEGREES) * 6378137.0 * (1 - 6.69437999014e-3) / ROOT**3
WIDE = math.radians(DEGREES) * 6378137.0 / ROOT * 0.5
SIDE = math.sqrt(HIGH * WIDE)
SHAPE = (90, 180)  # 40 m x 40 m
RADIUS = 10.0
LOAD = dict(type='LoadRasterWindow')
PACK = dict(type='PackUDAInputs')


def disc():
    """Image and label of a disc of 10 m radius in the middle of the raster."""
    rows, cols = np.mgrid[: SHAPE[0], : SHAPE[1]]
    y, x = (rows + 0.5 - SHAPE[0] / 2) * HIGH, (cols + 0.5 - SHAPE[1] / 2) * WIDE
    label = (np.hypot(y, x) < RADIUS).astype(np.uint8)
    return np.repeat(label[..., None] * 200 + 20, 3, axis=2).astype(np.uint8), label


@pytest.fixture
def degrees(tmp_path, write_raster):
    image, label = disc()
    where = dict(gsd=DEGREES, crs='EPSG:4326', origin=(20.0, 60.0 + DEGREES * SHAPE[0] / 2))
    for name in 'ab':
        write_raster(tmp_path / f'img/{name}.tif', image, **where)
        write_raster(tmp_path / f'ann/{name}.tif', label, **where)
    return tmp_path


def settings(root, labelled=True, **kwargs):
    prefix = dict(img_path='img', seg_map_path='ann') if labelled else dict(img_path='img')
    return dict(type='RasterDataset', data_root=str(root), data_prefix=prefix, metainfo=CLASSES) | kwargs


def build(root, *pipeline, **kwargs):
    return DATASETS.build(settings(root, pipeline=list(pipeline), **kwargs))


def assert_disc(mask, side, slack=2):
    """A mask holds the disc: as wide as high, of the right size."""
    rows, cols = (np.flatnonzero(mask.any(axis)) for axis in (1, 0))
    assert np.ptp(rows) + 1 == pytest.approx(2 * RADIUS / side, abs=slack)
    assert np.ptp(cols) + 1 == pytest.approx(2 * RADIUS / side, abs=slack)
    assert mask.sum() == pytest.approx(math.pi * (RADIUS / side) ** 2, rel=0.05)


def test_header(degrees):
    info = probe_raster(str(degrees / 'img/a.tif')).resolved()
    assert info.ground_pixel == pytest.approx((HIGH, WIDE), rel=2e-6) and info.gsd == pytest.approx(SIDE)
    assert not info.square


def test_notes_say_so(degrees):
    (note,) = build(degrees, LOAD).notes
    assert f'are not square but {WIDE:.4g} m wide and {HIGH:.4g} m high on the ground' in note
    assert f'resampled to squares of {SIDE:.4g} m' in note and '(and 1 more)' in note
    assert build(degrees, LOAD, gsd=0.3).notes == []


@pytest.mark.parametrize('extent', [24.0, (12.0, 30.0)])
def test_crops_cover_the_ground_in_both_directions(degrees, extent):
    dataset = build(degrees, dict(type='RandomGroundCrop', extent=extent), LOAD)
    height, width = (extent, extent) if isinstance(extent, float) else extent
    sample = dataset[0]
    assert sample['window'][2:] == (round(height / HIGH), round(width / WIDE))
    assert sample['img'].shape == (round(height / SIDE), round(width / SIDE), 3)
    assert sample['gt_seg_map'].shape == sample['img'].shape[:2] == sample['ori_shape'] == sample['img_shape']
    crops = (40 / height) * (40 / width)
    assert len(dataset) == 2 * max(1, round(crops))


def test_crops_in_pixels_are_square_ones(degrees):
    sample = build(degrees, dict(type='RandomGroundCrop', size=64), LOAD)[0]
    assert sample['img'].shape == (64, 64, 3) and sample['gt_seg_map'].shape == (64, 64)
    assert sample['window'][2:] == (round(64 * SIDE / HIGH), round(64 * SIDE / WIDE))


def test_a_crop_that_does_not_fit_is_refused(degrees):
    with pytest.raises(ValueError, match=r'The crop of \(42.0, 42.0\) m is 94 x 188 px .* only 90 x 180 px'):
        build(degrees, dict(type='RandomGroundCrop', extent=42.0), LOAD)


@pytest.mark.parametrize(
    'steps, side',
    [
        ([], SIDE),
        ([dict(type='RandomFlipAll')], SIDE),
        ([dict(type='ResampleToGSD', gsd=0.25, label=True)], 0.25),
        ([dict(type='RandomQuarterTurn'), dict(type='ResampleToGSD', gsd=0.5, label=True)], 0.5),
        ([dict(type='ResampleToGSD', ratio=2, label=True)], 2 * SIDE),
    ],
)
def test_training_sees_the_disc_round(degrees, steps, side):
    sample = build(degrees, dict(type='RandomGroundCrop', extent=40.0), LOAD, *steps, PACK)[0]
    meta = sample['data_samples']
    label, image = meta.gt_sem_seg.data[0].numpy(), sample['inputs'][0].numpy()
    assert label.shape == image.shape == meta.ori_shape
    assert meta.gsd == pytest.approx(side, rel=0.02)
    assert_disc(label, side)
    assert_disc(image > 120, side)


def test_resolution_pair(degrees):
    pair = dict(type='ResolutionPair', coarse_gsd=0.8, fine_gsd=0.25, extent=40.0)
    sample = build(degrees, dict(type='RandomGroundCrop', extent=40.0), LOAD, pair)[0]
    assert sample['img'].shape[:2] == (50, 50) and sample['fine_image'].shape[:2] == (160, 160)
    assert_disc(sample['img'][..., 0] > 120, 0.8)
    assert_disc(sample['fine_image'][..., 0] > 120, 0.25)
    assert_disc(sample['gt_seg_map'], 0.25)
    assert sample['gsd'] == pytest.approx(0.8, rel=0.01) and sample['fine_gsd'] == pytest.approx(0.25, rel=0.01)


@pytest.mark.parametrize('steps', [[], [dict(type='ResampleToGSD', gsd=0.5)]])
@pytest.mark.parametrize('tile', [None, 64])
def test_a_test_scores_on_the_rasters_own_grid(degrees, steps, tile):
    """A prediction from the square image, brought back to ``ori_shape``, fits the label that nobody resampled."""
    dataset = build(degrees, LOAD, *steps, PACK, tile=tile)
    metric = ClassIoUMetric(iou_metrics=['mIoU'])
    metric.dataset_meta = dataset.metainfo
    for sample in dataset:
        meta, inputs = sample['data_samples'], sample['inputs']
        row, col, height, width = meta.window or (0, 0, *SHAPE)
        assert meta.ori_shape == (height, width)
        assert torch.equal(
            meta.gt_sem_seg.data[0], torch.from_numpy(disc()[1])[row : row + height, col : col + width].long()
        )
        ratio = (inputs.shape[1] / height) / (inputs.shape[2] / width)
        assert ratio == pytest.approx(HIGH / WIDE, rel=0.05)
        own = torch.nn.functional.interpolate(inputs[None, :1].float(), size=meta.ori_shape, mode='bilinear')
        meta.pred_sem_seg = PixelData(data=(own[0] > 120).long())
        metric.process({}, [meta.to_dict()])
    assert metric.compute_metrics(metric.results)['mIoU'] > 93


def test_one_resampling_where_the_next_step_asks_for_a_distance(degrees, monkeypatch):
    from mmuda.datasets.transforms import ground_pixels, resample

    sizes = []

    def spy(image, size):
        sizes.append(size)
        return image[: size[0], : size[1]]

    for module in (ground_pixels, resample):
        monkeypatch.setattr(module, 'resize_image', spy)
    build(degrees, LOAD, dict(type='ResampleToGSD', gsd=0.5))[0]
    assert sizes == [(80, 80)]
    steps = [TRANSFORMS.build(step) for step in (dict(type='RandomFlipAll'), dict(type='ResampleToGSD', gsd=0.5))]
    assert grid_follows(steps[1:]) and not grid_follows(steps) and not grid_follows([])


def test_streams_of_a_training_take_their_labels_along(degrees):
    """Without a crop too: views mix image and label by one mask."""
    source = settings(degrees, pipeline=[LOAD, PACK], tile=90)
    target = settings(degrees, labelled=False, pipeline=[LOAD, PACK], tile=90)
    wanted = (round(90 * HIGH / SIDE), round(90 * WIDE / SIDE))
    for name, sample in UDADataset(source=source, target=target)[0].items():
        assert sample['data_samples'].ori_shape == sample['inputs'].shape[1:] == wanted
        assert name == 'target' or sample['data_samples'].gt_sem_seg.shape == wanted


def test_a_crop_of_mmseg_finds_image_and_label_of_one_shape(degrees):
    sample = build(degrees, LOAD, dict(type='RandomCrop', crop_size=(50, 50)))[0]
    assert sample['img'].shape[:2] == sample['gt_seg_map'].shape == (50, 50)


def test_a_crop_with_a_distance_of_its_own_takes_pixels_for_square():
    results = dict(raster_shape=(100, 100), window=None, gsd=1.0, ground_pixel=(2.0, 0.5))
    results = RandomGroundCrop(extent=20.0, gsd=0.5).transform(results)
    assert results['window'][2:] == (40, 40) and 'ground_pixel' not in results
    results['img'] = np.zeros((40, 40, 3), np.uint8)
    assert ResampleToGSD(gsd=1.0).transform(results)['img_shape'] == (20, 20)


@pytest.mark.parametrize('gsd', [None, 0.25])
def test_patches_are_square_on_the_ground(degrees, gsd):
    side = gsd or SIDE
    size = int(36 / side)
    patches = PatchSet(settings(degrees), patches_per_raster=1, size=size, gsd=gsd, rotation=180.0, shear=0.0)
    assert [note for note in patches.dataset.notes if 'not square' in note]
    for i in range(2):
        sample = patches[i]
        assert sample['gsd'] == pytest.approx(side)
        assert_disc(sample['gt_seg_map'], side, slack=3)
        assert_disc(sample['img'][..., 0] > 120, side, slack=3)


def test_coarse_labels_follow_their_image(degrees, write_raster):
    half = np.repeat(np.uint8([0, 1])[None], 2, axis=0)  # west and east, two rows of cells
    where = dict(crs='EPSG:4326', origin=(20.0, 60.0 + DEGREES * SHAPE[0] / 2))
    for name in 'ab':
        write_raster(degrees / f'coarse/{name}.tif', half, gsd=DEGREES * SHAPE[1] / 2, **where)
    prefix = dict(img_path='img', coarse_path='coarse')
    steps = [LOAD, dict(type='LoadCoarseLabels')]
    kwargs = dict(type='CoarseLabelDataset', data_prefix=prefix)
    sample = build(degrees, dict(type='RandomGroundCrop', extent=40.0), *steps, **kwargs)[0]
    assert sample['img'].shape[:2] == sample['gt_seg_map'].shape == sample['cells'].shape
    for row in sample['gt_seg_map']:
        assert abs(row.mean() - 0.5) < 0.05 and (np.diff(row.astype(int)) >= 0).all()
    sample = build(degrees, *steps, **kwargs)[0]
    assert sample['gt_seg_map'].shape == SHAPE == sample['ori_shape'] and sample['img'].shape[:2] != SHAPE


def test_label_maps_are_square_too(degrees):
    kwargs = dict(type='LabelMapDataset', data_prefix=dict(img_path='ann'), tile=SHAPE[1])
    assert_disc(build(degrees, dict(type='LoadLabelWindow'), **kwargs)[0]['gt_seg_map'], SIDE)
