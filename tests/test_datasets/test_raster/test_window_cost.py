"""Which rasters are slow to read in windows, by how much, and that the command in the note mends them."""

import re
import shlex
import subprocess
import sys

import numpy as np
import pytest
import rasterio

from mmuda.datasets.raster import window_cost as module
from mmuda.datasets.raster.notes import notes_on_windows
from mmuda.datasets.raster.reading import close_rasters
from mmuda.datasets.raster.window_cost import window_cost
from mmuda.registry import DATASETS

CROP = 512
TIFF = dict(compress='deflate', tiled=False)
TILED = dict(compress='deflate', tiled=True)
ONE_STRIP = TIFF | dict(blockysize=10**6)
SLOW = dict(
    strips=('a.tif', (600, 5200), TIFF),
    uncompressed_strips=('a.tif', (600, 5200), dict(tiled=False)),
    one_strip=('a.tif', (3000, 1600), ONE_STRIP),
    one_short_strip=('a.tif', (1900, 1500), ONE_STRIP),
    huge_tiles=('a.tif', (2048, 4096), TILED | dict(blockxsize=2048, blockysize=2048)),
    png=('a.png', (2200, 2200), {}),
    jpeg=('a.jpg', (2200, 2200), dict(driver='JPEG')),
    jpeg2000=('a.jp2', (3000, 3000), dict(driver='JP2OpenJPEG')),
)
FAST = dict(
    tiles=('a.tif', (600, 5200), TILED | dict(blockxsize=256, blockysize=256)),
    large_tiles=('a.tif', (2200, 2200), TILED | dict(blockxsize=1024, blockysize=1024)),
    strips_of_a_narrow_raster=('a.tif', (5200, 1000), TIFF),
    uncompressed_rows_as_one_strip=('a.tif', (5200, 1000), dict(tiled=False, blockysize=5200)),
    small_png=('a.png', (1024, 1024), {}),
    small_jpeg2000=('a.jp2', (1000, 1000), dict(driver='JP2OpenJPEG')),
)


@pytest.fixture(autouse=True)
def fresh():
    close_rasters()
    yield
    close_rasters()


@pytest.fixture
def write(tmp_path, write_raster):
    """A function that writes one of the files above and returns its path."""

    def make(name, shape, options, bands=3, folder=tmp_path):
        array = np.resize(np.arange(251, dtype=np.uint8), (*shape, bands))
        return str(write_raster(folder / name, array, gsd=1.0, **options))

    return make


def by_counting(shape, block, crop, from_the_top=False):
    """Decoded pixels for each of the window's, counted for every place of the window."""
    counts = []
    for row in range(shape[0] - crop[0] + 1):
        for col in range(shape[1] - crop[1] + 1):
            decoded = np.zeros(shape, bool)
            for r in range(row, row + crop[0]):
                for c in range(col, col + crop[1]):
                    top, left = r // block[0] * block[0], c // block[1] * block[1]
                    decoded[top : top + block[0], left : left + block[1]] = True
            if from_the_top:
                decoded[:row] = True
            counts.append(decoded.sum())
    return np.mean(counts) / (crop[0] * crop[1])


@pytest.mark.parametrize(
    ('name', 'options', 'block', 'from_the_top'),
    [
        ('a.tif', dict(tiled=True, blockxsize=16, blockysize=32), (32, 16), False),
        ('a.tif', dict(tiled=False, blockysize=5), (5, 41), False),
        ('a.tif', ONE_STRIP, (40, 41), False),
        ('a.png', {}, (1, 41), True),
        ('a.jpg', dict(driver='JPEG'), (1, 41), True),
    ],
)
@pytest.mark.parametrize('crop', [(7, 9), (40, 12), (1, 1)])
def test_the_factor_is_that_of_counting(write, name, options, block, from_the_top, crop):
    cost = window_cost(write(name, (40, 41), options), crop)
    assert cost.factor == pytest.approx(by_counting((40, 41), block, crop, from_the_top))


def test_the_factor_of_one_long_strip(write):
    # GDAL hands out the rows of a strip of more than 2000 rows one by one, and decodes those above each.
    path = write('a.tif', (2001, 30), ONE_STRIP)
    with rasterio.open(path) as raster:
        assert raster.block_shapes[0] == (1, 30)
    rows = np.mean([row + 11 for row in range(2001 - 11 + 1)])
    assert window_cost(path, (11, 10)).factor == pytest.approx(rows * 30 / (11 * 10))


@pytest.mark.parametrize('kind', SLOW)
def test_layouts_that_are_slow(write, kind):
    path = write(*SLOW[kind])
    (note,) = notes_on_windows({path: (CROP, CROP)})
    factor = float(re.search(r'a window of 512 x 512 px decodes (\d+) times', note).group(1))
    (_, (height, width), _) = SLOW[kind]
    by_hand = dict(
        strips=width / CROP,
        uncompressed_strips=width / CROP,
        one_strip=(height + CROP) / 2 * width / CROP**2,
        one_short_strip=height * width / CROP**2,
        # Of the 3585 columns at which a window can start, it touches both tiles from 1537 to 2047.
        huge_tiles=2048 * 2048 * (1 + 511 / 3585) / CROP**2,
        png=(height + CROP) / 2 * width / CROP**2,
        jpeg=(height + CROP) / 2 * width / CROP**2,
        jpeg2000=None,
    )[kind]
    if by_hand is None:  # tiles of 1024, 1024 and 952
        spans = [sum((1024, 1024, 952)[s // 1024 : (s + 511) // 1024 + 1]) for s in range(3000 - 511)]
        by_hand = np.mean(spans) ** 2 / CROP**2
    assert factor == round(by_hand)
    assert note.startswith(f'{path} is slow to read in windows: ')


@pytest.mark.parametrize('kind', FAST)
def test_layouts_that_are_not(write, kind):
    assert notes_on_windows({write(*FAST[kind]): (CROP, CROP)}) == []


def test_one_line_tells_of_the_worst_file_and_of_the_number(tmp_path, write):
    files = {write(f'{i}.tif', (600, 5200 + 100 * (i == 1)), TIFF): (CROP, CROP) for i in range(3)}
    files[write('t.tif', *FAST['tiles'][1:])] = (CROP, CROP)
    (note,) = notes_on_windows(files)
    assert note.startswith(f'{tmp_path}/1.tif (and 2 more) is slow')
    assert notes_on_windows({path: None for path in files}) == []  # read as a whole
    assert notes_on_windows({path: (600, 2000) for path in files}) == []  # most of it is needed


def test_a_virtual_raster_is_as_slow_as_its_source(tmp_path, write):
    source = write('a.tif', (600, 5200), TIFF)
    (tmp_path / 'm.vrt').write_text(
        '<VRTDataset rasterXSize="5200" rasterYSize="600"><VRTRasterBand dataType="Byte" band="1"><SimpleSource>'
        '<SourceFilename relativeToVRT="1">a.tif</SourceFilename><SourceBand>1</SourceBand></SimpleSource>'
        '</VRTRasterBand></VRTDataset>'
    )
    assert notes_on_windows({str(tmp_path / 'm.vrt'): (CROP, CROP)}) == notes_on_windows({source: (CROP, CROP)})


def run(note, folder):
    """Run the command that a note gives, as a user would who copies it."""
    command = shlex.split(note[note.index('(python -c ') + 1 : note.index('; or gdal_translate')])
    assert command[0] == 'python'
    subprocess.run([sys.executable, *command[1:]], cwd=folder, check=True)
    return str(folder / 'OUT.tif')


@pytest.mark.parametrize('kind', [*SLOW, 'jpeg_in_strips', 'mask'])
def test_the_command_keeps_every_pixel_and_mends_the_file(tmp_path, write, kind):
    wide = (600, 5200)
    lossy = TIFF | dict(compress='jpeg', photometric='ycbcr')
    others = dict(jpeg_in_strips=('a.tif', wide, lossy), mask=('a.tif', wide, TIFF))
    folder = tmp_path / "of Bill's $HOME"
    path = write(*(SLOW | others)[kind], folder=folder)
    if kind == 'mask':
        with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=False), rasterio.open(path, 'r+') as raster:
            raster.write_mask(np.arange(600 * 5200).reshape(600, 5200) % 3 > 0)
    (note,) = notes_on_windows({path: (CROP, CROP)})
    with rasterio.open(path) as before, rasterio.open(run(note, tmp_path)) as after:
        np.testing.assert_array_equal(before.read(), after.read())
        np.testing.assert_array_equal(before.dataset_mask(), after.dataset_mask())
        assert before.transform == after.transform and before.crs == after.crs
        assert after.block_shapes[0] == (module.TILE, module.TILE) and not after.overviews(1)
        assert (after.compression is None) == (kind == 'uncompressed_strips')
    assert notes_on_windows({str(tmp_path / 'OUT.tif'): (CROP, CROP)}) == []


def test_the_command_keeps_the_colours_of_a_label(tmp_path):
    path = str(tmp_path / 'a.png')
    with rasterio.open(path, 'w', driver='PNG', height=2200, width=2200, count=1, dtype='uint8') as raster:
        raster.write_colormap(1, {0: (1, 2, 3, 255), 1: (200, 100, 0, 255)})
        raster.write(np.eye(2200, dtype=np.uint8), 1)
    (note,) = notes_on_windows({path: (CROP, CROP)})
    with rasterio.open(path) as before, rasterio.open(run(note, tmp_path)) as after:
        assert before.colormap(1)[1] == after.colormap(1)[1] == (200, 100, 0, 255)
        np.testing.assert_array_equal(before.read(), after.read())


def test_both_commands_ask_for_the_same(monkeypatch, write):
    path = write(*SLOW['strips'])
    for big in (False, True):
        monkeypatch.setattr(module, '_BIG', 600 * 5200 * 3 - big)
        cost = window_cost(path, (CROP, CROP))
        asked = dict(re.findall(r'-co (\w+)=(\w+)', cost.gdal_command))
        told = re.findall(r', (\w+)="?(\w+)"?', cost.command.split('OUT.tif')[1])
        assert asked == {name.upper(): value.upper() for name, value in told if name != 'driver'}
        assert ('BIGTIFF' in asked) == big
        assert shlex.split(cost.gdal_command)[-2:] == [path, 'OUT.tif']


@pytest.mark.parametrize('slow', ['image', 'label', 'none'])
def test_a_dataset_tells_of_images_and_labels_that_are_cropped(tmp_path, write, slow):
    layouts = dict(image=(TIFF, TILED), label=(TILED, TIFF), none=(TILED, TILED))[slow]
    image = write('a.tif', (600, 5200), layouts[0], folder=tmp_path / 'images')
    label = write('a.tif', (600, 5200), layouts[1] | dict(nodata=None), bands=1, folder=tmp_path / 'labels')
    settings = dict(
        type='RasterDataset',
        data_root=str(tmp_path),
        data_prefix=dict(img_path='images', seg_map_path='labels'),
        metainfo=dict(classes=[str(i) for i in range(255)]),
        label_values={i: i % 255 for i in range(256)},
    )
    crops = [dict(type='RandomGroundCrop', extent=CROP), dict(type='LoadRasterWindow')]
    notes = DATASETS.build(settings | dict(pipeline=crops)).notes
    expected = dict(image=[image], label=[label], none=[])[slow]
    assert [note.split(' is slow')[0] for note in notes if 'slow' in note] == expected
    tiles = DATASETS.build(settings | dict(tile=CROP, pipeline=crops[1:]))  # read one after the other
    assert not any('slow' in note for note in tiles.notes)
