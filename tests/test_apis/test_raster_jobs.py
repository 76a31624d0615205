"""Many rasters at once: all are checked and named before the first is predicted, and none is lost."""

import os

import numpy as np
import pytest
import rasterio

from mmuda.apis import UserError, predict_rasters
from mmuda.maps.inputs import find_rasters
from tests.helpers.pixelwise import bright_or_dark, config

pytestmark = pytest.mark.usefixtures('_identity_backbone')


@pytest.fixture
def image(write):
    """Writes a raster of its own noise; returns its path and the classes that the model gives it."""
    count = iter(range(99))

    def image(name, bands=3, size=20, **options):
        pixels = np.random.default_rng(next(count)).integers(0, 256, (size, size, bands)).astype(np.uint8)
        return write(pixels, name, **options), pixels[..., 0] > 127.5

    return image


def predict(rasters, out, cfg=None, **kwargs):
    lines = []
    files = predict_rasters(bright_or_dark(cfg or config()), rasters, out, report=lines.append, **kwargs)
    return files, lines


def below(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob('*') if path.is_file())


def check(path, expected):
    with rasterio.open(path) as raster:
        assert np.array_equal(raster.read(1), expected)


def test_rasters_of_one_name_keep_the_folders_that_tell_them_apart(image, tmp_path):
    (east, of_east), (west, of_west) = image('data/east/sub/tile.tif'), image('data/west/tile.tif')
    predict([east, west], tmp_path / 'maps')
    assert below(tmp_path / 'maps') == ['east/sub/tile.tif', 'west/tile.tif']
    check(tmp_path / 'maps/east/sub/tile.tif', of_east)
    check(tmp_path / 'maps/west/tile.tif', of_west)


def test_rasters_of_different_names_lie_side_by_side(image, tmp_path):
    rasters = [image(f'{folder}/{folder}.v1.tif')[0] for folder in ('east', 'west')]
    predict([*rasters, rasters[0], tmp_path / 'east' / '..' / 'east' / 'east.v1.tif'], tmp_path / 'maps')
    assert below(tmp_path / 'maps') == ['east.v1.tif', 'west.v1.tif']


@pytest.mark.filterwarnings('ignore::rasterio.errors.NotGeoreferencedWarning')
def test_what_would_be_one_file_is_refused_with_both_names(image, tmp_path):
    tif, png = image('a.tif')[0], image('a.png', driver='PNG', crs=None, transform=None)[0]
    with pytest.raises(UserError, match=r'a\.tif and .*a\.png would both be written to .*maps/a\.tif'):
        predict([tif, png], tmp_path / 'maps')
    assert not (tmp_path / 'maps').exists()


def test_a_folder_is_its_rasters_without_the_output(image, tmp_path):
    expected = {name: image(f'images/{name}.{suffix}')[1] for name, suffix in (('a', 'tif'), ('sub/b', 'TIFF'))}
    for name in ('notes.txt', 'sub/a.tfw', '.hidden.tif', 'a.tif.aux.xml'):
        (tmp_path / 'images' / name).write_text('')
    (tmp_path / 'images' / 'loop').symlink_to(tmp_path / 'images')
    out = tmp_path / 'images' / 'maps'
    for _ in range(2):  # the second time, the folder holds maps too
        _, lines = predict([tmp_path / 'images'], out)
        assert below(out) == ['a.tif', 'sub/b.tif']
        for name, classes in expected.items():
            check(out / f'{name}.tif', classes)
    assert '2 rasters; no rasters by their names: ' in lines[0]
    assert 'notes.txt' in lines[0] and '.hidden' not in lines[0]


def test_patterns_are_filled_in_here_where_the_shell_does_not(image, tmp_path):
    for name in ('east/t_rgb.tif', 'west/t_rgb.tif', 'west/t_dsm.tif'):
        image(f'data/{name}')
    predict([f'{tmp_path}/data/**/*_rgb.tif'], tmp_path / 'maps')
    assert below(tmp_path / 'maps') == ['east/t_rgb.tif', 'west/t_rgb.tif']
    with pytest.raises(UserError, match='holds no rasters'):
        predict([f'{tmp_path}/data/*/*_ir.tif'], tmp_path / 'more')
    path, classes = image('data/br[a]ck #1 %20 城市.tif')  # a name, not a pattern
    predict([path], tmp_path / 'more')
    check(tmp_path / 'more' / path.name, classes)


def refuse(rasters, out, match, error=UserError, **kwargs):
    with pytest.raises(error, match=match) as told:
        predict(rasters, out, **kwargs)
    assert '\n' not in str(told.value)
    assert not [name for name in os.listdir(out.parent) if name == out.name] or not below(out)


@pytest.mark.parametrize('spoilt', ['missing', 'bands', 'type', 'damaged'])
def test_the_last_raster_is_checked_before_the_first_is_predicted(image, write, tmp_path, spoilt):
    good, bad = image('good.tif')[0], tmp_path / 'bad.tif'
    if spoilt == 'damaged':
        bad.write_bytes(good.read_bytes()[:900])
    elif spoilt != 'missing':
        count, dtype = (2, np.uint8) if spoilt == 'bands' else (3, np.uint16)
        write(np.zeros((20, 20, count), dtype), 'bad.tif')
    refuse([good, bad], tmp_path / 'maps', 'bad.tif', (UserError, ValueError, FileNotFoundError))


def test_other_bands_than_the_model_was_made_for(image, tmp_path):
    # Two: GDAL takes a fourth band of bytes for opacity, which is no band of the image.
    rasters = [image('three.tif')[0], image('two.tif', bands=2)[0]]
    refuse(rasters, tmp_path / 'maps', 'two.tif gives 2 bands to the model .* made for 3', cfg=config(bands=None))


def test_a_layer_that_takes_other_channels_is_named(image, tmp_path):
    cfg = config(bands=(1, 2, 3, 4))
    cfg.model.data_preprocessor = dict(type='UDADataPreprocessor', mean=[0.0] * 4, std=[1.0] * 4)
    refuse([image('four.tif', bands=4)[0]], tmp_path / 'maps', 'takes 3 channels but gets 4; set in_channels', cfg=cfg)


@pytest.mark.parametrize('out', ['images', 'link', 'images/../images'])
def test_the_images_folder_is_no_output_folder(image, tmp_path, out):
    path, _ = image('images/a.tif')
    before = path.read_bytes()
    (tmp_path / 'link').symlink_to(tmp_path / 'images')
    with pytest.raises(UserError, match='read as an input'):
        predict([path], tmp_path / out)
    with pytest.raises(UserError, match='is the output folder too; give another --out'):
        predict([tmp_path / 'images'], tmp_path / out)
    assert path.read_bytes() == before and below(tmp_path / 'images') == ['a.tif']


@pytest.mark.parametrize('gsd', [1000.0, 1e-5])
def test_a_distance_that_no_memory_holds_is_refused_before_reading(image, tmp_path, gsd):
    """Metres written in a system of degrees, or degrees in one of metres, say the like."""
    cfg = config([dict(type='ResampleToGSD', gsd=1.0)])
    path, _ = image('a.tif', size=100)
    size = '100000 x 100000' if gsd > 1 else '1 x 1'
    match = f'100 x 100 px of .*a.tif at {gsd:.4g} m per pixel would become {size} px at 1 m per pixel'
    refuse([path], tmp_path / 'maps', match, cfg=cfg, gsd=gsd)
    from rasterio.transform import from_origin

    crs = 'EPSG:4326' if gsd > 1 else 'EPSG:32633'
    step = 0.5 if gsd > 1 else 5e-6
    path, _ = image('b.tif', size=100, crs=crs, transform=from_origin(10, 50, step, step))
    refuse([path], tmp_path / 'maps', 'b.tif at .* m per pixel would become', cfg=cfg)


def test_a_nominal_distance_is_used_as_in_a_test_and_told(image, tmp_path):
    path, _ = image('a.tif', size=64)
    for cfg_gsd, option, seen in ((1.0, None, 32), (None, None, 16), (1.0, 0.5, 16)):
        cfg = config([dict(type='ResampleToGSD', gsd=2.0)], gsd=cfg_gsd)
        model, sizes, lines = bright_or_dark(cfg), [], []
        model.segmentor.register_forward_pre_hook(lambda _, inputs, sizes=sizes: sizes.append(inputs[0].shape[-1]))
        predict_rasters(model, [path], tmp_path / 'maps', gsd=option, report=lines.append)
        assert set(sizes) == {seen}
        told = [line for line in lines if 'by its georeference' in line]
        assert len(told) == (cfg_gsd is not None and option is None)
        assert all('has 0.5 m per pixel' in line and 'predicted as 1 m' in line for line in told)


def test_find_rasters_names_nothing_twice(image, tmp_path):
    image('images/a.tif'), image('images/sub/a.tif')
    found = find_rasters([tmp_path / 'images', tmp_path / 'images' / 'a.tif'], tmp_path / 'out')
    assert list(found.values()) == [tmp_path / 'out' / 'a.tif', tmp_path / 'out' / 'sub' / 'a.tif']


def test_links_of_other_names_are_maps_of_their_own(image, tmp_path):
    path, _ = image('store/a.tif')
    for name in ('monday', 'tuesday'):
        (tmp_path / 'days').mkdir(exist_ok=True)
        (tmp_path / 'days' / f'{name}.tif').symlink_to(path)
    found = find_rasters([tmp_path / 'days'], tmp_path / 'out')
    assert list(found.values()) == [tmp_path / 'out' / 'monday.tif', tmp_path / 'out' / 'tuesday.tif']
