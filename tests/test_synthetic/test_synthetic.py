import multiprocessing
from dataclasses import replace
from functools import partial

import cv2
import numpy as np
import pytest
import rasterio

from mmuda.synthetic import STYLES, SyntheticDataset, generate
from mmuda.synthetic import dataset as dataset_module
from mmuda.synthetic import generator as generator_module
from mmuda.synthetic.materials import BUILDING, CAR, CLUTTER, ISPRS_CLASSES
from mmuda.synthetic.objects import Wing
from mmuda.synthetic.render import cast_shadows, majority, render_scene
from mmuda.synthetic.structures import wing_surface
from mmuda.utils import locks

SMALL = dict(source=dict(train=(2, 64), val=(1, 64)), target=dict(train=(1, 96), val=(1, 96)))


@pytest.fixture(scope='module')
def root(tmp_path_factory):
    return generate(tmp_path_factory.mktemp('synthetic') / 'root', scenes=SMALL)


def contents(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob('*') if path.is_file()}


def read(path):
    with rasterio.open(path) as file:
        return file.read()


def test_same_seed_same_bytes(root, tmp_path):
    again = generate(tmp_path / 'again', scenes=SMALL, workers=1)
    assert contents(again) == contents(root)


def test_other_seed_other_scenes(root, tmp_path):
    other = generate(tmp_path / 'other', seed=1, scenes=SMALL)
    mine, theirs = contents(root), contents(other)
    assert mine.keys() == theirs.keys()
    assert all(mine[name] != theirs[name] for name in mine if name.endswith('_image.tif'))


def test_scene_does_not_depend_on_number_of_scenes(root, tmp_path):
    fewer = generate(tmp_path / 'fewer', scenes=dict(source=dict(train=(1, 64), val=(1, 64)), target=SMALL['target']))
    name = 'source/train/scene_00_image.tif'
    assert (fewer / name).read_bytes() == (root / name).read_bytes()


def test_layout(root):
    for domain, splits in SMALL.items():
        for split, (number, _) in splits.items():
            names = sorted(path.name for path in (root / domain / split).iterdir())
            kinds = ('image', 'label2', 'label6')
            assert names == [f'scene_{index:02d}_{kind}.tif' for index in range(number) for kind in kinds]


def test_grids_and_labels(root):
    images = list(root.rglob('*_image.tif'))
    assert len(images) == 5
    for path in images:
        gsd = 1.0 if 'source' in path.parts else 0.3
        building, classes = (path.with_name(path.name.replace('image', f'label{n}')) for n in (2, 6))
        with rasterio.open(path) as image, rasterio.open(building) as two, rasterio.open(classes) as six:
            assert image.count == 3 and image.dtypes == ('uint8',) * 3
            assert image.crs.is_projected and image.crs.linear_units == 'metre'
            assert image.res == pytest.approx((gsd, gsd))
            assert image.bounds == two.bounds == six.bounds
            assert image.shape == two.shape == six.shape
        building, classes = read(building), read(classes)
        assert set(np.unique(building)) <= {0, 1}
        assert classes.max() < len(ISPRS_CLASSES)
        np.testing.assert_array_equal(building == 1, classes == BUILDING)


@pytest.mark.parametrize('domain', ['source', 'target'])
def test_scene_has_every_class_and_contrast(domain):
    image, label = render_scene(np.random.default_rng(0), STYLES[domain], 192)
    shares = np.bincount(label.ravel(), minlength=6) / label.size
    assert (np.delete(shares, [CAR, CLUTTER]) > 0.03).all()
    assert shares[CAR] > 0.005
    # Neither dark, washed out nor clipped.
    assert 70 < image.mean() < 170 and image.std() > 20
    assert ((image == 0) | (image == 255)).mean() < 0.02


def test_buildings_are_where_the_label_says():
    """Roofs in a colour that nothing else has are found under the building label, but for mixed pixels at edges."""
    style = STYLES['source']
    magenta = ((255, 0, 255), 1.0)
    sensor = replace(style.sensor, blur=0.05, read_noise=0.0, shot_noise=0.0)
    style = replace(style, palette=replace(style.palette, roofs=(magenta,), flat_roofs=(magenta,)), sensor=sensor)
    image, label = render_scene(np.random.default_rng(0), style, 128)
    red, green, blue = np.moveaxis(image.astype(int), -1, 0)
    found = (red - green > 50) & (blue - green > 50)
    assert (found & (label == BUILDING)).sum() / max(found.sum(), 1) > 0.95
    assert (found & (label == BUILDING)).sum() / (label == BUILDING).sum() > 0.7


def test_shadow_falls_away_from_the_sun_with_the_right_length():
    """A 6 m wall and a sun at 45 degrees in the east (x) give 6 m of shadow to the west."""
    height = np.zeros((40, 80), np.float32)
    height[:, 40:44] = 6
    shadow = cast_shadows(height, cell=0.5, sun_x=1.0, sun_y=0.0, tangent=1.0)
    row = shadow[20]
    assert row[40:].sum() == 0
    assert row.sum() * 0.5 == pytest.approx(6, abs=0.6)
    assert row[40 - int(row.sum()) : 40].all()


def test_majority_label():
    cells = np.array([[1, 1, 0, 4], [1, 2, 4, 0]], np.uint8)
    # A tie goes to the later class; three of four cells win.
    np.testing.assert_array_equal(majority(cells, 2), [[1, 4]])


def test_gable_and_hip_roofs():
    along, across = np.meshgrid(np.linspace(-4.9, 4.9, 50), np.linspace(-2.9, 2.9, 30))
    wing = Wing(0.0, 0.0, 10.0, 6.0)
    inside, rise, slope_along, slope_across, *_ = wing_surface(wing, 'gable', 0.5, along, across)
    assert inside.all()
    np.testing.assert_allclose(rise, 0.5 * (3 - np.abs(across)))
    assert (slope_along == 0).all() and (slope_across * across <= 0).all()
    _, rise, *_ = wing_surface(wing, 'hip', 0.5, along, across)
    np.testing.assert_allclose(rise, 0.5 * np.minimum(3 - np.abs(across), 5 - np.abs(along)))


def test_reuses_what_is_there(root, monkeypatch):
    before = {path: path.stat().st_mtime_ns for path in root.rglob('*')}
    monkeypatch.setattr(generator_module, 'write_scene', None)
    assert generate(root, scenes=SMALL) == root
    assert {path: path.stat().st_mtime_ns for path in root.rglob('*')} == before


def test_failure_leaves_nothing_behind(tmp_path, monkeypatch):
    write_scene = generator_module.write_scene

    def fail_late(stem, *args):
        if 'target' in stem.parts:
            raise OSError('disk full')
        write_scene(stem, *args)

    monkeypatch.setattr(generator_module, 'write_scene', fail_late)
    with pytest.raises(OSError, match='disk full'):
        generate(tmp_path / 'root', scenes=SMALL)
    assert [path.name for path in tmp_path.iterdir()] == ['.root.lock']
    monkeypatch.undo()
    assert (generate(tmp_path / 'root', scenes=SMALL) / 'meta.json').is_file()


def test_refuses_other_imagery(root, tmp_path, monkeypatch):
    with pytest.raises(ValueError, match='seed is 0 instead of 3.*delete it or name another folder'):
        generate(root, seed=3, scenes=SMALL)
    (tmp_path / 'photo.jpg').touch()
    with pytest.raises(ValueError, match='holds no synthetic imagery.*name another folder'):
        generate(tmp_path, scenes=SMALL)
    monkeypatch.setattr(generator_module, 'VERSION', generator_module.VERSION + 1)
    with pytest.raises(ValueError, match='version is'):
        generate(root, scenes=SMALL)


def generate_in_process(root, barrier, locked):
    # Threads of OpenCV do not survive a fork.
    cv2.setNumThreads(0)
    if not locked:
        locks.fcntl = None
    barrier.wait(timeout=30)
    generate(root, scenes=SMALL, workers=1)


@pytest.mark.parametrize('locked', [True, False])
def test_two_processes_at_once(root, tmp_path, locked):
    """Also without file locks, where both render and the first to finish wins."""
    context = multiprocessing.get_context('fork')
    barrier = context.Barrier(2)
    shared = tmp_path / 'shared'
    processes = [context.Process(target=generate_in_process, args=(shared, barrier, locked)) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(timeout=60)
    assert [process.exitcode for process in processes] == [0, 0]
    assert contents(shared) == contents(root)
    assert {path.name for path in tmp_path.iterdir()} <= {'shared', '.shared.lock'}


@pytest.mark.parametrize('num_classes', [2, 6])
def test_dataset(root, monkeypatch, num_classes):
    monkeypatch.setattr(dataset_module, 'generate', partial(generate, scenes=SMALL))
    dataset = SyntheticDataset(
        domain='target', split='val', num_classes=num_classes, data_root=str(root), samples_per_raster=3, pipeline=[]
    )
    assert len(dataset) == 3
    assert len(dataset.metainfo['classes']) == num_classes == len(dataset.metainfo['palette'])
    item = dataset[0]
    assert item['gsd'] == pytest.approx(0.3) and item['domain'] == 'target'
    assert item['seg_map_path'].endswith(f'_label{num_classes}.tif')
    unlabelled = SyntheticDataset(domain='target', labelled=False, data_root=str(root), pipeline=[])
    assert 'seg_map_path' not in unlabelled[0]


@pytest.mark.parametrize('wrong', [dict(domain='moon'), dict(split='test'), dict(num_classes=5)])
def test_dataset_refuses_unknown_choices(wrong):
    with pytest.raises(ValueError, match='must be one of'):
        SyntheticDataset(data_root='/nowhere', **wrong)
