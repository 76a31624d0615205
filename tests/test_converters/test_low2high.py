"""The converter of Low2High on rasters in the layouts, projections and codes of the products."""

import csv
import json

import numpy as np
import pytest
import rasterio
from rasterio.warp import transform as transform_coordinates

from mmuda.apis import UserError
from mmuda.converters import low2high, tiles
from mmuda.converters.low2high import Labels, build_low2high
from mmuda.datasets import Low2High, Low2HighExemplars
from mmuda.datasets.legends import read_legend
from mmuda.datasets.raster.reading import close_rasters
from mmuda.utils.setup_env import register_all_modules

register_all_modules()
UTM, ALBERS = 'EPSG:26918', 'EPSG:5070'
EAST, NORTH = 280_000.0, 4_200_000.0
SIZE, TILE = 200, 64
CHESAPEAKE = {1: 0, 2: 1, 3: 2, 4: 3, 5: 3, 6: 3, 15: 255}
NLCD = {
    0: 255, 11: 0, 12: 255, 21: 3, 22: 3, 23: 3, 24: 3, 31: 3, 41: 1, 42: 1, 43: 1, 51: 1, 52: 1, 71: 2, 72: 2, 73: 2,
    74: 2, 81: 2, 82: 2, 90: 1, 95: 2,
}  # fmt: skip
ENVIROATLAS = {0: 255, 10: 0, 20: 3, 30: 2, 40: 1, 52: 1, 70: 2, 80: 2, 82: 1, 91: 1, 92: 2}


def write(path, bands, transform, crs):
    path.parent.mkdir(parents=True, exist_ok=True)
    count, height, width = bands.shape
    profile = dict(driver='GTiff', count=count, height=height, width=width, dtype='uint8', crs=crs)
    # The fourth band of NAIP is near infrared, not the opacity that GDAL takes it for.
    with rasterio.open(path, 'w', transform=transform, **profile, **(dict(alpha='no') if count > 1 else {})) as file:
        file.write(bands)
    return path


def albers_of(x, y):
    (a,), (b,) = transform_coordinates(UTM, ALBERS, [x], [y])
    return a, b


@pytest.fixture
def raw(tmp_path):
    """Two NAIP tiles of four bands in UTM, land cover on their grid, one NLCD raster in Albers for both."""
    rng = np.random.default_rng(0)
    for n, name in enumerate(('m_3807502_ne', 'm_3807502_nw')):
        transform = rasterio.Affine(1, 0, EAST + 300 * n, 0, -1, NORTH)
        write(
            tmp_path / 'md' / f'{name}_naip-new.tif',
            rng.integers(0, 255, (4, SIZE, SIZE)).astype(np.uint8),
            transform,
            UTM,
        )
        cover = rng.choice([1, 2, 3, 4, 5, 6], (SIZE // 8, SIZE // 8)).repeat(8, 0).repeat(8, 1).astype(np.uint8)
        write(tmp_path / 'md' / f'{name}_lc.tif', cover[None], transform, UTM)
    x, y = albers_of(EAST, NORTH)
    codes = rng.choice([11, 21, 24, 31, 41, 52, 71, 82, 90, 95], (60, 60)).astype(np.uint8)
    grid = rasterio.Affine(30, 0, 30 * (x // 30) - 600, 0, -30, 30 * (y // 30) + 600)
    write(tmp_path / 'nlcd.tif', codes[None], grid, ALBERS)
    return tmp_path


def convert(raw, out='out', fine=None, coarse=None, region='md', **kwargs):
    kwargs = {'image_suffix': '_naip-new.tif', 'tile': TILE, 'report': lambda _: None, **kwargs}
    fine = fine or Labels(str(raw / 'md'), '_lc.tif', 'chesapeake')
    coarse = coarse or Labels(str(raw / 'nlcd.tif'), '', 'nlcd')
    return build_low2high(raw / 'md', fine, coarse, raw / out, region, **kwargs)


@pytest.mark.parametrize(('name', 'table'), [('chesapeake', CHESAPEAKE), ('nlcd', NLCD), ('enviroatlas', ENVIROATLAS)])
def test_class_tables_are_those_of_table_s1(name, table):
    classes, codes = read_legend(name)
    assert classes == ('water', 'forest', 'field', 'impervious') and codes == table


def nearest(path, crs_from, x, y):
    """Value of a raster below a point."""
    with rasterio.open(path) as file:
        (a,), (b,) = transform_coordinates(crs_from, file.crs, [x], [y])
        row, col = file.index(a, b)
        return int(file.read(1)[row, col])


def test_labels_lie_where_the_products_say(raw):
    counts = convert(raw, split='train', min_classes=1, max_share=1.0, max_ignored=1.0)
    assert counts['train'] == 18 and counts['dropped'] == 0
    data = Low2High(
        data_root=str(raw / 'out'), fine=True, tile=TILE,
        pipeline=[
            dict(type='LoadRasterWindow'), dict(type='LoadCoarseLabels', as_label=False), dict(type='PackUDAInputs')
        ],
    )  # fmt: skip
    assert len(data) == 18
    rng = np.random.default_rng(1)
    for sample in (data[i] for i in (0, 7, 17)):
        path = sample['data_samples'].img_path
        image = next(p for p in (raw / 'md').glob('*_naip-new.tif') if p.name.removesuffix('_naip-new.tif') in path)
        with rasterio.open(path) as file, rasterio.open(image) as whole:
            assert file.count == 4 and file.crs == whole.crs
            window = rasterio.windows.from_bounds(*file.bounds, whole.transform)
            assert np.array_equal(file.read(), whole.read(window=window))
            for row, col in rng.integers(0, TILE, (20, 2)):
                x, y = file.xy(row, col)
                fine = CHESAPEAKE[nearest(str(image).replace('_naip-new', '_lc'), UTM, x, y)]
                assert sample['data_samples'].gt_sem_seg.data[0, row, col] == fine
                assert sample['coarse_label'][row, col] == NLCD[nearest(raw / 'nlcd.tif', UTM, x, y)]
    with rasterio.open(next((raw / 'out' / 'coarse' / 'train').glob('*.tif'))) as file:
        assert file.crs.to_epsg() == 5070 and file.res == (30.0, 30.0) and max(file.shape) <= 5


def test_fine_labels_of_another_projection_and_grid_are_resampled_by_nearest_neighbour(raw):
    """EnviroAtlas has its own projection; its pixels lie anywhere on the imagery's grid."""
    x, y = albers_of(EAST, NORTH)
    codes = np.random.default_rng(3).choice([10, 20, 30, 40, 52, 70, 80, 82, 91, 92], (900, 1200)).astype(np.uint8)
    write(raw / 'mwi.tif', codes[None], rasterio.Affine(1, 0, x - 300.4, 0, -1, y + 300.7), ALBERS)
    convert(raw, fine=Labels(str(raw / 'mwi.tif'), '', 'enviroatlas'), split='test', region='wi')
    rng = np.random.default_rng(4)
    agree = 0
    for path in sorted((raw / 'out' / 'fine' / 'test').glob('wi_*.tif'))[::6]:
        with rasterio.open(path) as file:
            label = file.read(1)
            for row, col in rng.integers(0, TILE, (25, 2)):
                agree += label[row, col] == ENVIROATLAS[nearest(raw / 'mwi.tif', UTM, *file.xy(row, col))]
    assert agree >= 74  # of 75: a centre on an edge may fall either way


def test_tiles_with_few_classes_or_too_much_of_one_are_dropped(raw):
    with rasterio.open(raw / 'md' / 'm_3807502_ne_lc.tif', 'r+') as file:
        label = file.read(1)
        label[:64, :64] = 2
        label[:64, 64:128] = np.where(np.arange(64) < 50, 3, label[:64, 64:128])  # 78 % field
        label[64:128, :64] = np.where(np.arange(64) % 2, 2, 3)  # two classes
        label[64:128, 64:128] = np.where(np.arange(64) < 20, 15, label[64:128, 64:128])  # 31 % no data
        file.write(label, 1)
    counts = convert(raw)
    with open(raw / 'out' / 'md.csv') as file:
        why = {row['name']: row['why'] for row in csv.DictReader(file)}
    assert why['md_m_3807502_ne_r0_c0'] == 'fine: 1 classes'
    assert why['md_m_3807502_ne_r0_c64'].endswith('of one class')
    assert why['md_m_3807502_ne_r64_c0'] == 'fine: 2 classes'
    assert why['md_m_3807502_ne_r64_c64'] == 'fine: 31 % unknown'
    assert counts['dropped'] == sum(map(bool, why.values())) >= 4 and sum(counts.values()) == len(why) == 18
    files = {kind: {p.name for p in (raw / 'out' / kind).rglob('*.tif')} for kind in ('images', 'fine', 'coarse')}
    kept = {f'{name}.tif' for name, reason in why.items() if not reason}
    assert files == dict(images=kept, fine=kept, coarse=kept)


def tiles_of(folder):
    return {path.name: path.parent.name for path in (folder / 'images').rglob('*.tif')}


def test_the_split_follows_the_seed_and_a_killed_conversion_goes_on(raw, monkeypatch):
    assert convert(raw, 'a') == convert(raw, 'b') and tiles_of(raw / 'a') == tiles_of(raw / 'b')
    assert convert(raw, 'c', seed=1) and tiles_of(raw / 'c') != tiles_of(raw / 'a')
    written, real = [], tiles._write

    def killed(path, *rest):
        if len(written) == 7:
            raise KeyboardInterrupt
        written.append(path)
        real(path, *rest)

    monkeypatch.setattr(tiles, '_write', killed)
    with pytest.raises(KeyboardInterrupt):
        convert(raw, 'd')
    first = set(written)
    assert not (raw / 'd' / 'md.csv').exists() and len(first) == 7
    monkeypatch.setattr(tiles, '_write', lambda path, *rest: written.append(path) or real(path, *rest))
    convert(raw, 'd')
    # Two tiles are whole and stay; the third, of which one file is there, is written again.
    assert len(set(written[7:]) & first) == 1 and tiles_of(raw / 'd') == tiles_of(raw / 'a')


def test_two_processes_write_what_one_writes_and_tell_what_is_wrong(raw):
    counts = convert(raw, 'one')
    assert convert(raw, 'two', workers=2) == counts
    found = [
        {path.relative_to(raw / out): path.read_bytes() for path in (raw / out).rglob('*') if path.is_file()}
        for out in ('one', 'two')
    ]
    assert found[0] == found[1]
    spoil(raw, 'code')
    with pytest.raises(UserError, match='m_3807502_nw_lc.tif holds the value 9'):
        convert(raw, 'bad', workers=2)
    assert not (raw / 'bad' / 'md.csv').exists()


@pytest.mark.parametrize(
    ('changed', 'names'), [(dict(seed=1), 'seed'), (dict(split='test'), 'split'), (dict(max_share=0.6), 'limits')]
)
def test_a_region_is_not_mixed_with_one_of_other_settings(raw, changed, names):
    convert(raw, split=None)
    before = tiles_of(raw / 'out')
    with pytest.raises(UserError, match=f'were made with other {names}'):
        convert(raw, **changed)
    assert tiles_of(raw / 'out') == before
    convert(raw, region='other', **changed)


def test_images_of_one_name_in_two_folders_stay_apart(raw):
    for part, kinds in (('p', 'ne'), ('q', 'nw')):
        for suffix in ('_naip-new.tif', '_lc.tif'):
            target = raw / 'md' / part / f'tile{suffix}'
            target.parent.mkdir(exist_ok=True)
            (raw / 'md' / f'm_3807502_{kinds}{suffix}').rename(target)
    counts = convert(raw, split='train', min_classes=1, max_share=1.0)
    assert counts['train'] == 18 == len(tiles_of(raw / 'out'))
    assert {name.split('_')[1] for name in tiles_of(raw / 'out')} == {'p', 'q'}


def test_declared_nodata_is_unknown_unless_the_legend_names_it(raw):
    lc = raw / 'md' / 'm_3807502_ne_lc.tif'
    with rasterio.open(lc) as file:
        label, profile = file.read(1), file.profile
    label[:20, :64] = 250
    with rasterio.open(lc, 'w', **{**profile, 'nodata': 250}) as file:
        file.write(label, 1)
    image = raw / 'md' / 'm_3807502_nw_naip-new.tif'
    with rasterio.open(image) as file:
        pixels, profile = file.read(), file.profile
    pixels[:, :30, :64] = 0
    with rasterio.open(image, 'w', **{**profile, 'nodata': 0}) as file:
        file.write(pixels)
    convert(raw)
    with open(raw / 'out' / 'md.csv') as file:
        why = {row['name']: row['why'] for row in csv.DictReader(file)}
    assert why['md_m_3807502_ne_r0_c0'] == 'fine: 31 % unknown'
    assert why['md_m_3807502_nw_r0_c0'] == 'fine: 47 % unknown'


def test_shares_of_the_splits():
    drawn = [low2high._draw(0, f'tile_{i}') for i in range(4000)]
    for split, share in dict(train=0.75, val=0.1, heldout=0.1, test=0.05).items():
        assert drawn.count(split) / 4000 == pytest.approx(share, abs=0.02)


def test_exemplars_are_the_fine_labels_of_the_held_out_split(raw):
    convert(raw, split='heldout')
    data = Low2HighExemplars(
        data_root=str(raw / 'out'), count=5, pipeline=[dict(type='LoadLabelWindow'), dict(type='PackUDAInputs')]
    )
    assert len(data) == 5 and data[0]['data_samples'].gt_sem_seg.data.shape == (1, TILE, TILE)


def spoil(raw, what):
    lc, nlcd = raw / 'md' / 'm_3807502_nw_lc.tif', raw / 'nlcd.tif'
    if what == 'code':
        with rasterio.open(lc, 'r+') as file:
            file.write(np.full((1, 1, 1), 9, np.uint8), window=rasterio.windows.Window(100, 20, 1, 1))
    if what == 'projection':
        with rasterio.open(nlcd) as file:
            codes, transform = file.read(), file.transform
        write(nlcd, codes, transform, None)
    if what == 'place':
        with rasterio.open(nlcd, 'r+') as file:
            file.transform = rasterio.Affine(30, 0, 0, 0, -30, 3_000_000)
    if what == 'beside':  # coarse labels in the folder of the fine ones
        with rasterio.open(nlcd) as file:
            codes, crs = file.read(), file.crs
        for path in (raw / 'md').glob('*_lc.tif'):
            write(path.with_name(path.name.replace('_lc', '_nlcd')), codes, rasterio.Affine(30, 0, 0, 0, -30, 0), crs)
    if what == 'moved':  # one of two
        with rasterio.open(lc, 'r+') as file:
            file.transform = rasterio.Affine(1, 0, EAST + 90_000, 0, -1, NORTH)
    if what == 'repeated':
        for path in (raw / 'md').glob('*_lc.tif'):
            with rasterio.open(path) as file:
                write(
                    path.with_name(path.name.replace('_lc', '_nlcd')),
                    np.full_like(file.read(), 11),
                    file.transform,
                    UTM,
                )
    if what == 'missing':
        lc.unlink()
    if what == 'none':
        for path in (raw / 'md').glob('*_naip-new.tif'):
            path.unlink()


@pytest.mark.parametrize(
    ('what', 'says'),
    [
        ('code', r'm_3807502_nw_lc.tif holds the value 9, but only 1, 2, 3, 4, 5, 6, 15'),
        ('projection', 'nlcd.tif has no projection'),
        ('place', 'coarse label .*nlcd.tif does not overlap the image .*_naip-new.tif'),
        ('beside', 'coarse label .*_nlcd.tif does not overlap the image .*_naip-new.tif'),
        ('moved', 'fine label .*_nw_lc.tif does not overlap the image .*_nw_naip-new.tif'),
        ('repeated', 'has 4096 px and 4096 cells of the coarse label .*_nlcd.tif'),
        ('missing', 'm_3807502_nw_naip-new.tif has no label'),
        ('none', 'no images end with'),
    ],
)
def test_unfit_rasters_are_refused(raw, what, says):
    spoil(raw, what)
    coarse = Labels(str(raw / 'md'), '_nlcd.tif', 'nlcd') if what in ('beside', 'repeated') else None
    with pytest.raises(UserError, match=says):
        convert(raw, coarse=coarse)
    assert what == 'code' or not (raw / 'out').exists()


def test_images_smaller_than_a_tile_are_listed(raw):
    whole = convert(raw)
    transform = rasterio.Affine(1, 0, EAST + 600, 0, -1, NORTH)
    for suffix, bands in (('_naip-new.tif', 4), ('_lc.tif', 1)):
        write(raw / 'md' / f'tiny{suffix}', np.ones((bands, TILE - 1, TILE), np.uint8), transform, UTM)
    found = convert(raw, 'more')
    assert found == {**whole, 'dropped': whole['dropped'] + 1}
    with open(raw / 'more' / 'md.csv', newline='') as file:
        assert [(row['name'], row['why']) for row in csv.DictReader(file)][0] == ('md_tiny', 'smaller than 64 px')
    with pytest.raises(UserError, match='smaller than a tile of 300 px; give a smaller --tile'):
        convert(raw, 'none', tile=300)


@pytest.mark.parametrize(
    ('legend', 'says'),
    [
        ('mine', 'the legend mine cannot be read'),
        (dict(classes=['a'], codes={'1': dict(becomes='b')}), "says that 1 becomes 'b'"),
    ],
)
def test_unfit_legends_are_refused(raw, legend, says):
    if isinstance(legend, dict):
        (raw / 'legend.json').write_text(json.dumps(legend))
        legend = str(raw / 'legend.json')
    with pytest.raises(UserError, match=says):
        convert(raw, fine=Labels(str(raw / 'md'), '_lc.tif', legend))


def test_spellings_and_damage(raw):
    for path in sorted((raw / 'md').glob('*_naip-new.tif')):
        path.rename(path.with_name(path.name.replace('_naip-new.tif', '_NAIP-new.TIF')))
    label = raw / 'md/m_3807502_nw_lc.tif'
    label.rename(label.with_suffix('.TIFF'))
    assert convert(raw, split='train', min_classes=1, max_share=1.0, max_ignored=1.0)['train'] == 18
    label = label.with_suffix('.TIFF')
    label.write_bytes(label.read_bytes()[:-100])
    with pytest.raises(UserError, match=r'm_3807502_nw_lc\.TIFF is damaged or cut short'):
        convert(raw, out='again')


def test_images_whose_tiles_would_have_one_name_are_refused(raw):
    """``a/b.tif`` and ``a_b.tif`` both become ``a_b_r0_c0.tif``: one was lost in silence."""
    image = raw / 'md' / 'm_3807502_ne_naip-new.tif'
    for name in ('a/b', 'a_b'):
        for kind, source in (('naip-new', image), ('lc', raw / 'md' / 'm_3807502_ne_lc.tif')):
            path = raw / 'md' / f'{name}_{kind}.tif'
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(source.read_bytes())
    with pytest.raises(UserError, match=r'a/b_naip-new.tif and .*a_b_naip-new.tif would both be written'):
        convert(raw)
    assert not (raw / 'out').exists()


@pytest.mark.parametrize('told', ['nodata', 'alpha', 'mask'])
def test_a_tile_knows_what_its_image_does_not_hold(raw, told):
    """Whatever told it: neither its fine nor its coarse label is read there."""
    image = raw / 'md' / 'm_3807502_nw_naip-new.tif'
    missing = np.zeros((SIZE, SIZE), bool)
    missing[:5, :TILE] = True
    with rasterio.open(image) as file:
        pixels, profile = file.read().clip(1), file.profile
    if told == 'alpha':
        pixels, profile = np.concatenate([pixels[:3], np.where(missing, 0, 255)[None]]), {**profile, 'alpha': 'yes'}
    elif told == 'nodata':
        pixels[:, missing], profile = 0, {**profile, 'nodata': 0, 'alpha': 'no'}
    with (
        rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True),
        rasterio.open(image, 'w', **{**profile, 'photometric': 'RGB'}) as file,
    ):
        file.write(pixels.astype(np.uint8))
        if told == 'mask':
            file.write_mask(~missing)
    close_rasters()
    convert(raw, split='train', min_classes=1, max_share=1.0, max_ignored=1.0)
    pipeline = [dict(type='LoadRasterWindow', with_label=False), dict(type='LoadCoarseLabels')]
    for options in (dict(fine=True, pipeline=[dict(type='LoadRasterWindow')]), dict(pipeline=pipeline)):
        data = Low2High(data_root=str(raw / 'out'), tile=TILE, **options)
        (item,) = (one for one in data if one['img_path'].endswith('nw_r0_c0.tif'))
        np.testing.assert_array_equal(item['no_data'] == 255, missing[:TILE, :TILE])
        assert (item['gt_seg_map'][:5] == 255).all() and not (item['gt_seg_map'][5:] == 255).all()
        if 'cells' in item:
            assert (item['cells'][:5] == -1).all()
