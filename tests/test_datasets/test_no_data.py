"""Pixels without data, through what a dataset gives."""

import numpy as np
import pytest
import rasterio
import torch
from rasterio.enums import ColorInterp

from mmuda.datasets.raster.reading import close_rasters
from mmuda.datasets.raster.valid import image_bands, opacity_bands, valid_pixels
from mmuda.registry import DATASETS

CLASSES = dict(classes=('background', 'building'), palette=[[0, 0, 0], [255, 255, 255]])
LOAD = [dict(type='LoadRasterWindow')]
SIZE = 24
NO_DATA = np.zeros((SIZE, SIZE), bool)
NO_DATA[:5] = NO_DATA[11:14, 7:16] = True
WHOLE = (0, 0, SIZE, SIZE)


@pytest.fixture(autouse=True)
def fresh():
    close_rasters()
    yield
    close_rasters()


def build(root, **kwargs):
    prefix = dict(img_path='i', seg_map_path='l')
    settings = dict(data_root=str(root), data_prefix=prefix, metainfo=CLASSES, pipeline=LOAD) | kwargs
    return DATASETS.build(dict(type='RasterDataset') | settings)


def scene(seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(1, 255, (SIZE, SIZE, 3)).astype(np.uint8), rng.integers(0, 2, (SIZE, SIZE)).astype(np.uint8)


def opacity(missing=NO_DATA):
    return np.where(missing, 0, 255).astype(np.uint8)[..., None]


def write_image(write_raster, path, kind):
    """An image without data at ``NO_DATA``, told in one of the ways that files have; returns options of a dataset."""
    image, _ = scene()
    floats = image.astype(np.float32)
    if kind == 'nodata':
        write_raster(path, np.where(NO_DATA[..., None], 0, image), gsd=1.0, nodata=0)
    elif kind == 'alpha':
        write_raster(path, np.dstack([image, opacity()]), gsd=1.0, photometric='RGB', ALPHA='YES')
        return dict(bands=None)
    elif kind == 'alpha of five bands':
        bands = np.dstack([image, image[..., :1], opacity()])
        write_raster(path, bands, gsd=1.0)
        with rasterio.open(path, 'r+') as file:
            file.colorinterp = [*file.colorinterp[:4], ColorInterp.alpha]
        return dict(bands=None)
    elif kind in ('internal mask', 'external mask'):
        with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=kind == 'internal mask'):
            write_raster(path, image, gsd=1.0)
            with rasterio.open(path, 'r+') as file:
                file.write_mask(opacity()[..., 0])
    elif kind == 'NaN without a tag':
        floats[NO_DATA, 1] = np.nan
        write_raster(path, floats, gsd=1.0)
        return dict(value_range=(0, 255))
    elif kind == 'infinite':
        floats[NO_DATA, 2] = np.inf
        write_raster(path, floats, gsd=1.0)
        return dict(value_range=(0, 255))
    elif kind == 'smallest float':
        floats[NO_DATA] = np.finfo(np.float32).min
        write_raster(path, floats, gsd=1.0, nodata=float(np.finfo(np.float32).min))
        return dict(value_range=(0, 255))
    elif kind == '-9999':
        write_raster(path, np.where(NO_DATA[..., None], -9999, image.astype(np.int16)), gsd=1.0, nodata=-9999)
        return dict(value_range=(0, 255))
    return {}


KINDS = (
    'nodata',
    'alpha',
    'alpha of five bands',
    'internal mask',
    'external mask',
    'NaN without a tag',
    'infinite',
    'smallest float',
    '-9999',
)


@pytest.mark.parametrize('kind', KINDS)
def test_labels_are_ignored_where_the_image_holds_no_data(tmp_path, write_raster, kind):
    options = write_image(write_raster, tmp_path / 'i' / 'a.tif', kind)
    image, label = scene()
    write_raster(tmp_path / 'l' / 'a.tif', label, gsd=1.0)
    item = build(tmp_path, **options)[0]
    np.testing.assert_array_equal(item['gt_seg_map'], np.where(NO_DATA, 255, label))
    np.testing.assert_array_equal(item['img'][~NO_DATA][:, :3], image[~NO_DATA])
    mean = image[~NO_DATA].mean(axis=0)
    assert np.abs(item['img'][NO_DATA][:, :3] - mean).max() <= 0.5


def test_opacity_is_no_band_of_the_image(tmp_path, write_raster):
    write_image(write_raster, tmp_path / 'i' / 'a.tif', 'alpha')
    write_raster(tmp_path / 'l' / 'a.tif', scene()[1], gsd=1.0)
    dataset = build(tmp_path, bands=None)
    told = [note for note in dataset.notes if 'band 4' in note]
    assert dataset[0]['img'].shape == (SIZE, SIZE, 3)
    assert image_bands(str(tmp_path / 'i' / 'a.tif')) == (1, 2, 3)
    assert len(told) == 1 and 'band 4 of' in told[0] and 'marked as opacity' in told[0]
    named = build(tmp_path, bands=(4, 1))[0]
    assert named['img'].shape == (SIZE, SIZE, 2)
    assert not (named['gt_seg_map'] == 255).any()  # GDAL takes near infrared for opacity where nobody says better


def test_a_partly_transparent_pixel_holds_data(tmp_path, write_raster):
    image, _ = scene()
    path = write_raster(
        tmp_path / 'a.tif', np.dstack([image, opacity() // 255 * 9]), gsd=1.0, photometric='RGB', ALPHA='YES'
    )
    np.testing.assert_array_equal(valid_pixels(str(path), WHOLE), ~NO_DATA)


def test_a_value_in_some_of_the_bands_is_a_colour(tmp_path, write_raster):
    """Zero in two bands of three is red; without data is where all chosen bands hold the value."""
    image, _ = scene()
    image[3, 3, 1:] = 0
    image[4, 4] = 0
    path = str(write_raster(tmp_path / 'a.tif', image, gsd=1.0, nodata=0))
    assert np.argwhere(~valid_pixels(path, WHOLE)).tolist() == [[4, 4]]
    assert np.argwhere(~valid_pixels(path, WHOLE, (2, 3))).tolist() == [[3, 3], [4, 4]]
    np.testing.assert_array_equal(valid_pixels(path, (3, 3, 2, 2)), [[True, True], [True, False]])


@pytest.mark.parametrize('nodata', [-9999.0, 0.0, float('nan'), -3.4028234663852886e38])
@pytest.mark.parametrize('present', ['none', 'exact', 'neighbour'])
def test_floats_hold_data_where_gdal_says_so(tmp_path, write_raster, nodata, present):
    array = np.random.default_rng(0).normal(500.0, 50.0, (20, 30, 3)).astype(np.float32)
    if present == 'exact':
        array[2:5, 4:9] = nodata
        array[7, 1] = nodata, nodata, 3.0  # a value in one band
    if present == 'neighbour':  # GDAL counts numbers a few bits apart as equal
        array[9, 2] = np.nextafter(np.float32(nodata), np.float32(1.0))
    path = str(write_raster(tmp_path / 'a.tif', array, nodata=nodata))
    with rasterio.open(path) as raster:
        expected = raster.read_masks().any(axis=0) & np.isfinite(array).all(axis=-1)
    assert expected.all() == (present == 'none' or (present == 'neighbour' and nodata == 0.0))
    np.testing.assert_array_equal(valid_pixels(path, (0, 0, 20, 30), (1, 2, 3), array), expected)


@pytest.mark.parametrize('bands', [1, 2, 3, 4, 5])
@pytest.mark.parametrize('nodata', ['uint8 0', 'uint8 255', 'uint16 65535', 'int16 -5', 'int32 -9999', 'int16 0.5'])
def test_whole_numbers_hold_data_where_gdal_says_so(tmp_path, write_raster, nodata, bands):
    dtype, value = nodata.split()
    array = np.random.default_rng(0).integers(1, 250, (20, 30, bands)).astype(dtype)
    array[2:5, 4:9] = int(float(value))
    array[7, 1, 0] = int(float(value))  # a value in one band
    path = str(write_raster(tmp_path / 'a.tif', array, nodata=float(value), photometric='minisblack', alpha='no'))
    for some in (tuple(range(1, bands + 1)), (1,), (bands, 1)):
        with rasterio.open(path) as raster:
            expected = raster.read_masks(some).any(axis=0)
        assert expected.sum() in (20 * 30 - 15, 20 * 30 - 16)
        values = array[..., [band - 1 for band in some]]
        np.testing.assert_array_equal(valid_pixels(path, (0, 0, 20, 30), some, values), expected)
        np.testing.assert_array_equal(valid_pixels(path, (3, 2, 9, 20), some), expected[3:12, 2:22])


def test_a_raster_that_marks_nothing_is_not_read(tmp_path, write_raster, monkeypatch):
    path = str(write_raster(tmp_path / 'a.tif', scene()[0], gsd=1.0))

    def fail(*args, **kwargs):
        raise AssertionError('read')

    from mmuda.datasets.raster import valid

    class Header:
        """The open raster, whose pixels must not be read."""

        source = valid.open_raster(path)
        read = read_masks = fail

        def __getattr__(self, name):
            return getattr(self.source, name)

    monkeypatch.setattr(valid, 'open_raster', lambda path: Header())
    assert valid_pixels(path, WHOLE).all()


@pytest.mark.parametrize('transform', ['crop', 'pair', 'resample', 'flip', 'mmseg'])
def test_no_data_goes_where_the_pixels_go(tmp_path, write_raster, transform):
    """A target has no label: what marks its pixels is compared with an image that is white only there."""
    image = np.where(NO_DATA[..., None], 0, 200).astype(np.uint8).repeat(3, axis=2)
    write_raster(tmp_path / 'i' / 'a.tif', image, gsd=1.0, nodata=0)
    write_raster(tmp_path / 'l' / 'a.tif', np.zeros((SIZE, SIZE), np.uint8), gsd=1.0)
    steps = dict(
        crop=[dict(type='RandomGroundCrop', size=16), *LOAD],
        pair=[*LOAD, dict(type='ResolutionPair', coarse_gsd=2.0, fine_gsd=0.5)],
        resample=[*LOAD, dict(type='ResampleToGSD', gsd=2.0, label=True)],
        flip=[*LOAD, dict(type='RandomFlipAll', horizontal=1.0, vertical=0.0), dict(type='RandomQuarterTurn')],
        mmseg=[*LOAD, dict(type='Resize', scale=(48, 48)), dict(type='RandomCrop', crop_size=(32, 32)),
               dict(type='RandomFlip', prob=1.0), dict(type='Pad', size=(40, 40))],
    )[transform]  # fmt: skip
    np.random.seed(3)
    labelled = build(tmp_path, pipeline=[*steps, dict(type='PackUDAInputs')])[0]['data_samples']
    np.random.seed(3)
    target = build(tmp_path, pipeline=[*steps, dict(type='PackUDAInputs')], labelled=False)[0]['data_samples']
    assert 'gt_sem_seg' not in target
    assert 0 < target.no_data.data.sum() < target.no_data.data.numel()
    assert torch.equal(target.no_data.data, labelled.no_data.data)
    assert torch.equal(target.no_data.data, labelled.gt_sem_seg.data == 255)


def test_samples_with_data_everywhere_carry_no_mask(tmp_path, write_raster):
    write_raster(tmp_path / 'i' / 'a.tif', scene()[0], gsd=1.0, nodata=0)
    write_raster(tmp_path / 'l' / 'a.tif', scene()[1], gsd=1.0)
    assert 'no_data' not in build(tmp_path, pipeline=[*LOAD, dict(type='PackUDAInputs')])[0]['data_samples']


@pytest.mark.parametrize(
    ('dtype', 'value'),
    [
        ('int16', -9999),
        ('uint16', 65535),
        ('int32', -1),
        ('uint8', 200),
        ('float32', float('nan')),
        ('float32', 255.0),
        ('float32', float(np.finfo(np.float32).min)),
        ('float64', -3.4e38),
    ],
)
def test_declared_nodata_of_a_label_is_ignored(tmp_path, write_raster, dtype, value):
    image, label = scene()
    values = np.where(NO_DATA, np.array(value, dtype), label.astype(dtype))
    write_raster(tmp_path / 'i' / 'a.tif', image, gsd=1.0)
    write_raster(tmp_path / 'l' / 'a.tif', values, gsd=1.0, nodata=value)
    expected = np.where(NO_DATA, 255, label)
    np.testing.assert_array_equal(build(tmp_path)[0]['gt_seg_map'], expected)
    swapped = build(tmp_path, label_values={0: 1, 1: 0, value: 255})[0]['gt_seg_map']
    np.testing.assert_array_equal(swapped, np.where(NO_DATA, 255, 1 - label))


@pytest.mark.parametrize('marked', ['mask', 'alpha', 'NaN without a tag'])
def test_what_a_label_masks_is_ignored(tmp_path, write_raster, marked):
    image, label = scene()
    write_raster(tmp_path / 'i' / 'a.tif', image, gsd=1.0)
    path = tmp_path / 'l' / 'a.tif'
    if marked == 'alpha':
        write_raster(path, np.dstack([label, opacity()]), gsd=1.0, photometric='MINISBLACK', ALPHA='YES')
    elif marked == 'mask':
        with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True):
            write_raster(path, label, gsd=1.0)
            with rasterio.open(path, 'r+') as file:
                file.write_mask(opacity()[..., 0])
    else:
        write_raster(path, np.where(NO_DATA, np.nan, label).astype(np.float32), gsd=1.0)
    np.testing.assert_array_equal(build(tmp_path)[0]['gt_seg_map'], np.where(NO_DATA, 255, label))


def test_a_class_that_is_declared_as_no_data(tmp_path, write_raster, monkeypatch):
    image, label = scene()
    write_raster(tmp_path / 'i' / 'a.tif', image, gsd=1.0)
    write_raster(tmp_path / 'l' / 'a.tif', label, gsd=1.0, nodata=0)
    told = []
    monkeypatch.setattr('mmuda.datasets.raster.dataset.print_log', lambda text, **_: told.append(text))
    data = build(tmp_path)
    assert told == data.notes and len(told) == 1  # in what --check prints too
    assert 'declares 0 as "no data", which is class 0: its pixels are ignored' in told[0]
    np.testing.assert_array_equal(data[0]['gt_seg_map'], np.where(label == 0, 255, 1))
    np.testing.assert_array_equal(build(tmp_path, label_values={0: 0, 1: 1})[0]['gt_seg_map'], label)


def test_values_of_any_size_may_be_mapped(tmp_path, write_raster):
    """Land cover codes such as CORINE's lie above 255."""
    image, label = scene()
    write_raster(tmp_path / 'i' / 'a.tif', image, gsd=1.0)
    write_raster(tmp_path / 'l' / 'a.tif', np.where(label, 311, 112).astype(np.uint16), gsd=1.0)
    np.testing.assert_array_equal(build(tmp_path, label_values={112: 0, 311: 1})[0]['gt_seg_map'], label)
    with pytest.raises(ValueError, match=r'a\.tif holds the value 311, but only 112, 255|255, 112'):
        build(tmp_path, label_values={112: 0})


def test_float_labels_hold_whole_numbers(tmp_path, write_raster):
    image, label = scene()
    write_raster(tmp_path / 'i' / 'a.tif', image, gsd=1.0)
    path = write_raster(tmp_path / 'l' / 'a.tif', label.astype(np.float64), gsd=1.0)
    np.testing.assert_array_equal(build(tmp_path)[0]['gt_seg_map'], label)
    close_rasters()
    write_raster(path, np.where(NO_DATA, 0.25, label).astype(np.float64), gsd=1.0)
    with pytest.raises(ValueError, match=r'a\.tif holds the value 0\.25'):
        build(tmp_path)


def test_patches_of_a_set_know_what_holds_no_data(tmp_path, write_raster):
    image = np.where(NO_DATA[..., None], 0, 200).astype(np.uint8).repeat(3, axis=2)
    write_raster(tmp_path / 'i' / 'a.tif', image, gsd=1.0, nodata=0)
    write_raster(tmp_path / 'l' / 'a.tif', np.zeros((SIZE, SIZE), np.uint8), gsd=1.0)
    inner = dict(type='RasterDataset', data_root=str(tmp_path), metainfo=CLASSES,
                 data_prefix=dict(img_path='i', seg_map_path='l'))  # fmt: skip
    patches = DATASETS.build(dict(type='PatchSet', dataset=inner, patches_per_raster=5, size=12))
    items = [patches[i] for i in range(5)]
    assert any('no_data' in item for item in items)
    for item in items:
        missing = item.get('no_data', np.zeros((12, 12)))
        np.testing.assert_array_equal(item['gt_seg_map'] == 255, missing > 0)
        assert (item['img'] > 150).all()  # never the black of no data


@pytest.mark.parametrize(('dtype', 'value'), [('int16', -9999), ('float32', float('nan')), ('uint16', 65535)])
def test_label_maps_of_any_type_have_nodata_too(tmp_path, write_raster, dtype, value):
    _, label = scene()
    values = np.where(NO_DATA, np.array(value, dtype), label.astype(dtype))
    write_raster(tmp_path / 'i' / 'a.tif', values, gsd=1.0, nodata=value)
    data = build(
        tmp_path, type='LabelMapDataset', data_prefix=dict(img_path='i'), pipeline=[dict(type='LoadLabelWindow')]
    )
    np.testing.assert_array_equal(data[0]['gt_seg_map'], np.where(NO_DATA, 255, label))


@pytest.mark.parametrize('told', ['nodata', 'mask', 'NaN'])
def test_cells_without_data_are_no_labels(tmp_path, write_raster, told):
    """A cell of 4 m that holds none; and pixels of the image that hold none belong to no cell."""
    image, _ = scene()
    image[:5] = 0
    write_raster(tmp_path / 'i' / 'a.tif', image, gsd=1.0, nodata=0)
    cells = np.random.default_rng(1).integers(0, 2, (6, 6)).astype(np.float32)
    missing = np.zeros((6, 6), bool)
    missing[3, 2:4] = True
    path = tmp_path / 'c.tif'
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True):
        values = np.where(missing, dict(nodata=-7, NaN=np.nan, mask=0)[told], cells)
        write_raster(path, values.astype(np.float32), gsd=4.0, nodata=-7 if told == 'nodata' else None)
        if told == 'mask':
            with rasterio.open(path, 'r+') as file:
                file.write_mask(np.where(missing, 0, 255).astype(np.uint8))
    item = build(
        tmp_path,
        type='CoarseLabelDataset',
        data_prefix=dict(img_path='i', coarse_path='c.tif'),
        pipeline=[dict(type='LoadRasterWindow', with_label=False), dict(type='LoadCoarseLabels')],
    )[0]
    ignored = missing.repeat(4, 0).repeat(4, 1)
    ignored[:5] = True
    np.testing.assert_array_equal(item['gt_seg_map'], np.where(ignored, 255, cells.repeat(4, 0).repeat(4, 1)))
    np.testing.assert_array_equal(item['cells'] == -1, ignored)


def test_predicted_labels_are_ignored_where_the_image_holds_no_data(tmp_path, write_raster):
    write_image(write_raster, tmp_path / 'i' / 'a.tif', 'nodata')
    _, label = scene()
    label[20:] = 255
    write_raster(tmp_path / 'p' / 'a.tif', label, gsd=1.0, nodata=255)
    data = build(tmp_path, data_prefix=dict(img_path='i'), predicted_labels=str(tmp_path / 'p'))
    np.testing.assert_array_equal(data[0]['gt_seg_map'], np.where(NO_DATA, 255, label))


def test_near_infrared_that_is_marked_as_opacity_hides_nothing(tmp_path, write_raster):
    image, label = scene()
    infrared = np.arange(SIZE * SIZE, dtype=np.uint16).reshape(SIZE, SIZE, 1) % 200
    infrared[:5] = 0  # water
    path = write_raster(tmp_path / 'i' / 'a.tif', np.dstack([image, infrared.astype(np.uint8)]), gsd=1.0)
    write_raster(tmp_path / 'l' / 'a.tif', label, gsd=1.0)
    with rasterio.open(path) as file:
        assert file.colorinterp[3] == ColorInterp.alpha  # nobody said so
    item = build(tmp_path)[0]
    assert item['img'].shape == (SIZE, SIZE, 3) and 'no_data' not in item
    np.testing.assert_array_equal(item['gt_seg_map'], label)


@pytest.mark.parametrize('soft', [0, 20])
def test_soft_edges_and_a_file_that_is_replaced_are_opacity_still(tmp_path, write_raster, soft):
    image, _ = scene()
    alpha = np.where(NO_DATA, 0, 255).astype(np.uint8)
    alpha[20, :soft] = 100 + np.arange(soft)
    path = tmp_path / 'a.tif'
    write_raster(path, np.dstack([image, np.arange(SIZE * SIZE).reshape(SIZE, SIZE, 1).astype(np.uint8)]))
    assert opacity_bands(str(path)) == ()
    close_rasters()
    path.unlink()
    write_raster(path, np.dstack([image, alpha]), compress='deflate')
    assert opacity_bands(str(path)) == (4,)
    np.testing.assert_array_equal(valid_pixels(str(path), WHOLE), ~NO_DATA)


@pytest.mark.parametrize('colours', [None, {(0, 0, 0): 0, (255, 255, 255): 1}])
def test_a_colour_that_is_declared_as_no_data_is_told(tmp_path, write_raster, monkeypatch, colours):
    image, label = scene()
    write_raster(tmp_path / 'i' / 'a.tif', image, gsd=1.0)
    write_raster(tmp_path / 'l' / 'a.tif', np.dstack([label * 255] * 3), gsd=1.0, nodata=0)
    told = []
    monkeypatch.setattr('mmuda.datasets.raster.dataset.print_log', lambda text, **_: told.append(text))
    item = build(tmp_path, label_colours=colours)[0]
    assert (item['gt_seg_map'] == np.where(label == 0, 255, 1)).all()
    assert 'declares 0 as "no data", which is the colour (0, 0, 0) of class 0' in ''.join(told)
