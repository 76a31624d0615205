"""Labels whose classes are colours."""

import numpy as np
import pytest
import rasterio
from PIL import Image

from mmuda.datasets.public.metainfo import ISPRS_METAINFO
from mmuda.datasets.raster.reading import close_rasters
from mmuda.registry import DATASETS

ISPRS = np.array(ISPRS_METAINFO['palette'], np.uint8)
PALETTE = ISPRS_METAINFO['palette']
NAMES = ISPRS_METAINFO['classes']
SIZE = 32


@pytest.fixture(autouse=True)
def fresh():
    close_rasters()
    yield
    close_rasters()


@pytest.fixture
def folder(tmp_path, write_raster):
    """A folder with an image; ``write(label)`` adds its label."""
    rng = np.random.default_rng(0)
    write_raster(tmp_path / 'i' / 'a.tif', rng.integers(1, 255, (SIZE, SIZE, 3)).astype(np.uint8), gsd=1.0)

    def write(label, **profile):
        write_raster(tmp_path / 'l' / 'a.tif', label, gsd=1.0, **profile)
        return tmp_path

    return write


def classes(number=6, seed=0):
    return np.random.default_rng(seed).integers(0, number, (SIZE, SIZE)).astype(np.uint8)


def label_of(root, palette=PALETTE, names=NAMES, **kwargs):
    prefix = dict(img_path='i', seg_map_path='l')
    metainfo = dict(classes=names) | ({} if palette is None else dict(palette=palette))
    settings = dict(data_root=str(root), data_prefix=prefix, metainfo=metainfo) | kwargs
    data = DATASETS.build(dict(type='RasterDataset', pipeline=[dict(type='LoadRasterWindow')], **settings))
    return data[0]['gt_seg_map']


TWO = dict(names=('a', 'b'), palette=[[0, 0, 0], [255, 255, 255]])


def test_colours_are_the_palettes(folder):
    label = classes()
    np.testing.assert_array_equal(label_of(folder(ISPRS[label])), label)


def test_opacity_of_colours_is_no_data(folder):
    label = classes()
    alpha = np.full((SIZE, SIZE, 1), 255, np.uint8)
    alpha[:4] = 0
    colours = np.dstack([ISPRS[label], alpha])
    colours[:4, :, :3] = 13
    root = folder(colours, photometric='RGB', ALPHA='YES')
    np.testing.assert_array_equal(label_of(root)[4:], label[4:])
    assert (label_of(root)[:4] == 255).all()


def test_a_dataset_of_its_own_layout_reads_colours_too(tmp_path, write_raster):
    """Potsdam as downloaded: its palette is the labels' colours; 0 is no class of values, but of no colour either."""
    label = classes()
    rng = np.random.default_rng(0)
    write_raster(tmp_path / 'img_dir' / '2_10.tif', rng.integers(1, 255, (SIZE, SIZE, 3)).astype(np.uint8))
    write_raster(tmp_path / 'ann_dir' / '2_10.tif', ISPRS[label])
    for chosen in (None, ('car', 'building')):
        metainfo = dict() if chosen is None else dict(metainfo=dict(classes=chosen))
        data = DATASETS.build(
            dict(type='Potsdam', data_root=str(tmp_path), pipeline=[dict(type='LoadRasterWindow')], **metainfo)
        )
        becomes = np.arange(6) if chosen is None else [chosen.index(n) if n in chosen else 255 for n in NAMES]
        np.testing.assert_array_equal(data[0]['gt_seg_map'], np.array(becomes)[label])


def test_label_colours_win_over_the_palette(folder):
    label = classes(3)
    colours = np.array([[9, 8, 7], [1, 2, 3], [200, 0, 0]], np.uint8)
    mapping = {(9, 8, 7): 5, (1, 2, 3): 0, (200, 0, 0): 255}
    np.testing.assert_array_equal(label_of(folder(colours[label]), label_colours=mapping), np.array([5, 0, 255])[label])


def test_unknown_colours_are_counted_and_named(folder):
    colours = ISPRS[classes()]
    colours[3, :7] = (254, 1, 1)
    with pytest.raises(ValueError, match=r'a\.tif has 7 px of \(254, 1, 1\).*label_colours=.*JPEG'):
        label_of(folder(colours))


def test_unknown_colours_are_refused_when_they_are_loaded(folder):
    colours = ISPRS[classes()]
    root = folder(colours)
    label_of(root)
    close_rasters()
    colours[:2] = 77
    with pytest.raises(ValueError, match=r'64 px of \(77, 77, 77\)'):
        label_of(folder(colours), check_labels='none')


@pytest.mark.parametrize('palette', [None, [[1, 1, 1]] * 6])
def test_colours_that_no_palette_tells_are_refused(folder, palette):
    """mmseg makes up a palette where none is given; two classes of one colour tell nothing."""
    with pytest.raises(ValueError, match=r'a\.tif has 3 bands and looks colour-coded .*set label_colours'):
        label_of(folder(ISPRS[classes()]), palette=palette)


def test_first_bands_that_stand_for_several_colours_are_refused(folder):
    with pytest.raises(ValueError, match=r'share the first band.*label_colours'):
        label_of(folder(ISPRS[classes()]), label_values={255: 0, 0: 1})


def test_a_first_band_that_tells_the_colours_is_enough(folder):
    """Massachusetts' masks as downloaded are red on black."""
    label = classes(2)
    red = np.array([[0, 0, 0], [255, 0, 0]], np.uint8)[label]
    np.testing.assert_array_equal(label_of(folder(red), label_values={0: 0, 255: 1}, **TWO), label)


def test_an_ambiguous_first_band_is_found_across_windows(folder, write_raster):
    """One file is red on black, the other white on black: the value 255 would be two colours."""
    label = classes(2)
    root = folder(np.array([[0, 0, 0], [255, 0, 0]], np.uint8)[label])
    write_raster(root / 'i' / 'b.tif', np.ones((SIZE, SIZE, 3), np.uint8), gsd=1.0)
    write_raster(root / 'l' / 'b.tif', np.array([[0, 0, 0], [255, 255, 255]], np.uint8)[label], gsd=1.0)
    with pytest.raises(ValueError, match=r'b\.tif has 3 bands .*share the first band'):
        label_of(root, label_values={0: 0, 255: 1}, **TWO)


@pytest.mark.parametrize(
    ('values', 'options'), [((0, 1), {}), ((0, 255), {}), ((0, 255), dict(label_values={0: 0, 255: 1}))]
)
def test_grey_that_was_saved_as_three_bands_is_one(folder, values, options):
    label = classes(2)
    grey = np.array(values, np.uint8)[label][..., None].repeat(3, axis=2)
    np.testing.assert_array_equal(label_of(folder(grey), **TWO, **options), label)


def test_a_band_of_classes_beside_others(folder):
    """As SYNTHIA's labels, whose second band counts instances."""
    label = classes(2)
    bands = np.dstack([label, np.arange(SIZE * SIZE).reshape(SIZE, SIZE), 0 * label]).astype(np.uint16)
    np.testing.assert_array_equal(label_of(folder(bands), label_band=1, **TWO), label)
    with pytest.raises(ValueError, match=r'a\.tif .*label_band'):
        label_of(folder(bands), label_values={0: 0, 1: 1}, **TWO)


def paletted(root, label, table):
    picture = Image.fromarray(label, mode='P')
    picture.putpalette(np.array(table, np.uint8).tobytes())
    (root / 'l' / 'a.tif').unlink()
    picture.save(root / 'l' / 'a.png')
    return root


def test_a_colour_table_that_agrees_or_tells_nothing_leaves_the_values(folder):
    label = classes()
    options = dict(seg_map_suffix='.png')
    root = paletted(folder(label), label, ISPRS)
    np.testing.assert_array_equal(label_of(root, **options), label)
    close_rasters()
    Image.fromarray(label, mode='L').save(root / 'l' / 'a.png')
    np.testing.assert_array_equal(label_of(root, **options), label)


def test_a_colour_table_that_contradicts_its_values_is_refused_until_the_user_says_which(folder):
    """As a program writes that saved the colours with a palette in the order in which it met them."""
    label, order = classes(), np.array([3, 1, 0, 2, 5, 4])
    stored = np.argsort(order)[label].astype(np.uint8)
    root = paletted(folder(label), stored, ISPRS[order])
    options = dict(seg_map_suffix='.png')
    with pytest.raises(ValueError, match=r'a\.png contradicts itself: its value 0 has the colour \(0, 255, 0\)'):
        label_of(root, **options)
    colours = {tuple(colour): index for index, colour in enumerate(ISPRS.tolist())}
    np.testing.assert_array_equal(label_of(root, label_colours=colours, **options), label)
    values = {i: i for i in range(6)}
    np.testing.assert_array_equal(label_of(root, label_values=values, **options), stored)


def test_label_maps_are_read_by_colours_too(tmp_path, write_raster):
    label = classes()
    write_raster(tmp_path / 'maps' / 'a.tif', ISPRS[label], gsd=1.0)
    data = DATASETS.build(
        dict(
            type='LabelMapDataset',
            data_root=str(tmp_path),
            data_prefix=dict(img_path='maps'),
            metainfo=ISPRS_METAINFO,
            pipeline=[dict(type='LoadLabelWindow')],
        )
    )
    np.testing.assert_array_equal(data[0]['gt_seg_map'], label)


@pytest.mark.parametrize(
    ('options', 'says'),
    [
        (dict(label_colours={(0, 0): 1}), r'the key \(0, 0\); give \(red, green, blue\)'),
        (dict(label_colours={(0, 0, 300): 1}), r'give \(red, green, blue\) in 0\.\.255'),
        (dict(label_colours={(0, 0, 0): 6}), r'maps \(0, 0, 0\) to 6, but RasterDataset has 6 classes'),
        (dict(label_colours={(0, 0, 0): 0}, label_values={0: 0}), 'label_colours of RasterDataset goes by colours'),
    ],
)
def test_unfit_colours_are_refused(folder, options, says):
    with pytest.raises(ValueError, match=says):
        label_of(folder(ISPRS[classes()]), **options)


def test_colours_of_16_bits_are_refused(folder):
    with pytest.raises(ValueError, match=r'a\.tif looks colour-coded, but is uint16'):
        label_of(folder(ISPRS[classes()].astype(np.uint16)))


def test_masks_of_a_file_with_colours_are_ignored(folder):
    label = classes()
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True):
        root = folder(ISPRS[label])
        with rasterio.open(root / 'l' / 'a.tif', 'r+') as file:
            file.write_mask(np.where(label == 2, 0, 255).astype(np.uint8))
    np.testing.assert_array_equal(label_of(root), np.where(label == 2, 255, label))
