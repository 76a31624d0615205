"""Which bands two domains share: by the names that files give, by their order, or as told."""

import numpy as np
import pytest
import rasterio
from rasterio.enums import ColorInterp
from rasterio.transform import from_origin

from mmuda.apis import UserError, new_config_of_rasters
from mmuda.apis.choose_bands import choose_bands
from mmuda.apis.inspect_rasters import Place, inspect_images
from mmuda.datasets.raster.bands import band_names

INTERPRETED = {member.name for member in ColorInterp}


@pytest.fixture
def images(tmp_path):
    """Looks at a raster whose bands have the given names: colour interpretations, descriptions or none ('')."""

    def images(*names, dtype=np.uint16, file='a.tif', folder=None):
        folder = tmp_path / (folder or str(len(list(tmp_path.iterdir()))))
        folder.mkdir(exist_ok=True)
        values = np.random.default_rng(0).integers(1, 250, (len(names), 64, 64)).astype(dtype)
        place = dict(height=64, width=64, crs='EPSG:32633', transform=from_origin(0, 0, 0.5, 0.5))
        with rasterio.open(
            folder / file, 'w', driver='GTiff', count=len(names), dtype=dtype, photometric='MINISBLACK', **place
        ) as out:
            out.write(values)
            known = [name if name in INTERPRETED else 'undefined' for name in names]
            out.colorinterp = [ColorInterp[name] for name in known]
            out.descriptions = [None if name in INTERPRETED else name for name in names]
        return inspect_images(Place.parse(folder))

    return images


def test_names_come_from_descriptions_and_interpretations():
    found = band_names(
        ['gray', 'red', 'undefined', 'nir', 'undefined', 'alpha'], ['Near-Infrared', None, 'B05', 'B08', None, None]
    )
    assert found == ('nir', 'red', 'b05', 'nir', '', '')
    assert band_names(['red', 'green', 'blue'], ['NIR', 'Red', 'Green']) == ('nir', 'red', 'green')


RGB = ('red', 'green', 'blue')


@pytest.mark.parametrize(
    ('source', 'target', 'expected', 'why'),
    [
        # By name: reordered, colours first; reduced to what both have.
        (('blue', 'green', 'red', 'nir'), (*RGB, 'nir'), ((3, 2, 1, 4), (1, 2, 3, 4)), 'as the files name them'),
        (('nir', *RGB), ('blue', 'green', 'red'), ((2, 3, 4), (3, 2, 1)), 'left out: 1 (nir) of the source'),
        ((*RGB, 'nir'), (*RGB, 'swir'), ((1, 2, 3), (1, 2, 3)), 'left out: 4 (nir) of the source and 4 (swir) of the'),
        (('nir', 'red'), (*RGB, 'nir'), ((1, 2), (4, 1)), 'left out: 2 (green), 3 (blue) of the target'),
        ((*RGB, '', ''), RGB, ((1, 2, 3), (1, 2, 3)), 'left out: 4, 5 of the source'),
        # In order, where the files do not say.
        (('',) * 10, ('',) * 10, (tuple(range(1, 11)),) * 2, 'the first three are taken as red, green and blue'),
        ((*RGB, ''), (*RGB, ''), ((1, 2, 3, 4),) * 2, 'do not name them all'),
        (('blue', 'green', 'red', 'nir'), ('',) * 4, ((3, 2, 1, 4),) * 2, 'the files of the target do not name them'),
        (('',), ('',), ((1,), (1,)), 'there is no other'),
        # Grey beside colours.
        (('',), ('blue', 'green', 'red'), ((1, 1, 1), (3, 2, 1)), 'the one band of the source is read three times'),
        (('', '', ''), ('',), ((1, 2, 3), (1, 1, 1)), 'the one band of the target is read three times'),
    ],
)
def test_what_both_share_is_read(images, source, target, expected, why):
    source, target = images(*source), images(*target)
    choice = choose_bands(source, target)
    assert choice[:2] == expected
    assert why in choice.describe(source, target)


@pytest.mark.parametrize(
    ('source', 'target'),
    [(('',) * 4, ('',) * 10), (RGB, ('',) * 4), (('red', ''), ('nir', '')), (('',), ('',) * 4), (('nir',), ('red',))],
)
def test_what_the_files_leave_open_is_asked_for(images, source, target):
    with pytest.raises(UserError, match='leave open which of them show the same; .*--bands 1 2 3 --target-bands 3 2 1'):
        choose_bands(images(*source), images(*target))


def test_given_bands_count(images):
    source, target = images('', '', '', ''), images(*RGB, 'nir')
    assert choose_bands(source, target, ['4', '3', '2'], ['red', 'green', 'NIR'])[:2] == ((4, 3, 2), (1, 2, 4))
    assert choose_bands(source, target, ['2', '1'])[:2] == ((2, 1), (2, 1))
    for bands, target_bands, says in (
        (['5'], [], r'--bands: .* has no band 5; it has 1 to 4'),
        (['1'], ['swir'], r'--target-bands: .* has no band swir; it has 1 \(red\), 2 \(green\), 3 \(blue\), 4 \(nir\)'),
        (['1', '2'], ['1'], '2 bands of the source were given and 1 of the target'),
        (['0'], [], r'bands=\(0,\) of --bands counts from 0'),
        ([], ['1'], 'without --bands'),
    ):
        with pytest.raises(UserError, match=says):
            choose_bands(source, target, bands, target_bands)


def test_rasters_of_a_domain_with_other_bands_are_named(images):
    images(*RGB, folder='both')
    with pytest.raises(UserError, match=r'a.tif and .*b.tif differ in their bands \(1 \(red\), .* and 1 \(blue\), '):
        images('blue', 'green', 'red', folder='both', file='b.tif')


def test_a_fourth_band_that_is_marked_as_opacity_but_is_none_is_read(images):
    assert images(*RGB, 'alpha', dtype=np.uint8).bands == (1, 2, 3, 4)


def test_nothing_is_written_where_it_is_open(images, tmp_path):
    images(*RGB, folder='ours'), images(*[''] * 5, folder='theirs')
    places = dict(source=[tmp_path / 'ours'] * 2, target=[tmp_path / 'theirs'], out=tmp_path / 'mine.py')
    with pytest.raises(UserError):
        new_config_of_rasters(**places, report=lambda _: None)
    assert not places['out'].exists()
