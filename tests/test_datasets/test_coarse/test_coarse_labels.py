"""Coarse labels: which cell a pixel lies in, by georeference; and label maps without images."""

import numpy as np
import pytest
import rasterio
from rasterio.warp import transform as transform_coordinates

from mmuda.datasets import CoarseLabelDataset, LabelMapDataset, RandomFlipAll, RandomQuarterTurn
from mmuda.datasets.raster.cells import NO_CELL, cells_below, overlap, read_cells
from mmuda.datasets.raster.reading import close_rasters, open_raster
from mmuda.utils.setup_env import register_all_modules

register_all_modules()
UTM, ALBERS = 'EPSG:32618', 'EPSG:5070'
EAST, NORTH = 400_000.0, 4_300_000.0
META = dict(classes=('a', 'b', 'c'))


def write(path, array, transform, crs=UTM):
    path.parent.mkdir(parents=True, exist_ok=True)
    bands = array if array.ndim == 3 else array[None]
    count, height, width = bands.shape
    profile = dict(driver='GTiff', count=count, height=height, width=width, dtype=str(bands.dtype), crs=crs)
    with rasterio.open(path, 'w', transform=transform, **profile) as file:
        file.write(bands)
    return str(path)


def image_of(path, height=60, width=70, crs=UTM, gsd=1.0, transform=None):
    values = np.random.default_rng(0).integers(0, 255, (3, height, width)).astype(np.uint8)
    return write(path, values, transform or rasterio.Affine(gsd, 0, EAST, 0, -gsd, NORTH), crs)


def cells_by_loop(image_path, coarse_path, window):
    """For each pixel: its centre on the ground, into the coarse projection, into coarse pixels, rounded down."""
    with rasterio.open(image_path) as image, rasterio.open(coarse_path) as coarse:
        rows, cols = np.zeros(window[2:], int), np.zeros(window[2:], int)
        for i in range(window[2]):
            for j in range(window[3]):
                x, y = image.xy(window[0] + i, window[1] + j)
                (x,), (y,) = transform_coordinates(image.crs, coarse.crs, [x], [y])
                row, col = coarse.index(x, y, op=lambda value: np.floor(value + 1e-6))
                rows[i, j], cols[i, j] = int(row), int(col)
    return rows, cols


GRIDS = dict(
    aligned=(rasterio.Affine(10, 0, EAST, 0, -10, NORTH), UTM),
    offset=(rasterio.Affine(10, 0, EAST - 33.5, 0, -10, NORTH + 27.2), UTM),
    no_integer=(rasterio.Affine(7.3, 0, EAST - 3, 0, -9.1, NORTH + 1), UTM),
    turned=(rasterio.Affine(9.397, 3.42, EAST - 40, 3.42, -9.397, NORTH + 30), UTM),
    albers=(rasterio.Affine(30, 0, 1_742_700.0, 0, -30, 1_937_400.0), ALBERS),
)  # fmt: skip


@pytest.mark.parametrize('grid', GRIDS)
@pytest.mark.parametrize('window', [(0, 0, 60, 70), (13, 21, 40, 33)])
def test_a_pixel_lies_in_the_cell_below_its_centre(grid, window, tmp_path):
    transform, crs = GRIDS[grid]
    image = image_of(tmp_path / 'image.tif')
    if crs == ALBERS:  # put the coarse raster where the image is
        (x,), (y,) = transform_coordinates(UTM, ALBERS, [EAST], [NORTH])
        transform = rasterio.Affine(30, 0, 30 * (x // 30) - 120, 0, -30, 30 * (y // 30) + 120)
    values = np.random.default_rng(1).integers(0, 200, (40, 40)).astype(np.uint8)
    coarse = write(tmp_path / 'coarse.tif', values, transform, crs)
    rows, cols = cells_by_loop(image, coarse, window)
    known = (rows >= 0) & (rows < 40) & (cols >= 0) & (cols < 40)
    top, left = rows[known].min(), cols[known].min()
    part = top, left, np.ptp(rows[known]) + 1, np.ptp(cols[known]) + 1
    with rasterio.open(image) as first, rasterio.open(coarse) as second:
        found = cells_below(first, second, window)
    assert np.array_equal(found[0], np.where(known, (rows - top) * part[3] + cols - left, NO_CELL))
    assert found[1] == part
    cells, labels, inside = read_cells(image, coarse, window)
    assert np.array_equal(inside, known) and ((cells >= 0) == known).all()
    assert np.array_equal(labels[known], values[rows[known], cols[known]])
    # Two pixels have one index exactly where they lie in one cell.
    names = {}
    for cell, row, col in zip(cells[known], rows[known], cols[known], strict=True):
        assert names.setdefault(int(cell), (row, col)) == (row, col)
    assert len(set(names.values())) == len(names)


def test_a_large_image_in_another_projection_is_placed_to_a_thousandth_of_a_cell(tmp_path):
    """GDAL takes the change of projection as linear between points of a row; a pixel may change sides at an edge."""
    image = image_of(tmp_path / 'image.tif', 512, 512)
    (x,), (y,) = transform_coordinates(UTM, ALBERS, [EAST], [NORTH])
    transform = rasterio.Affine(1, 0, x - 300.4, 0, -1, y + 300.7)
    coarse = write(tmp_path / 'coarse.tif', np.zeros((1400, 1400), np.uint8), transform, ALBERS)
    with rasterio.open(image) as first, rasterio.open(coarse) as second:
        cells, (top, left, _, width) = cells_below(first, second, (0, 0, 512, 512))
    rows, cols = np.divmod(cells, width)
    north, east = NORTH - np.arange(512) - 0.5, EAST + np.arange(512) + 0.5
    easts, norths = transform_coordinates(UTM, ALBERS, np.tile(east, 512), np.repeat(north, 512))
    for found, exact in (
        (rows + top, (transform.f - np.reshape(norths, (512, 512)))),
        (cols + left, (np.reshape(easts, (512, 512)) - transform.c)),
    ):
        assert (found - 1e-3 <= exact).all() and (exact <= found + 1 + 1e-3).all()


def test_a_window_outside_the_coarse_raster_has_no_cells(tmp_path):
    image = image_of(tmp_path / 'image.tif')
    coarse = write(tmp_path / 'coarse.tif', np.ones((4, 4), np.uint8), rasterio.Affine(10, 0, EAST + 40, 0, -10, NORTH))
    cells, values, inside = read_cells(image, coarse, (0, 0, 30, 30))
    assert (cells == NO_CELL).all() and not values.any() and not inside.any()


@pytest.fixture
def folder(tmp_path):
    rng = np.random.default_rng(2)
    for name in 'ab':
        image_of(tmp_path / 'img' / f'{name}.tif')
        transform = rasterio.Affine(10, 0, EAST - 4, 0, -10, NORTH + 3)
        write(tmp_path / 'coarse' / f'{name}.tif', rng.choice([11, 41, 81, 12], (5, 9)).astype(np.uint8), transform)
        fine = rng.integers(0, 3, (60, 70)).astype(np.uint8)
        write(tmp_path / 'fine' / f'{name}.tif', fine, rasterio.Affine(1, 0, EAST, 0, -1, NORTH))
    return tmp_path


NLCD = {11: 0, 41: 1, 81: 2, 12: 255}
TRAIN = [
    dict(type='RandomGroundCrop', extent=32.0),
    dict(type='LoadRasterWindow', with_label=False),
    dict(type='LoadCoarseLabels'),
    dict(type='RandomFlipAll'),
    dict(type='RandomQuarterTurn'),
    dict(type='PackUDAInputs'),
]


def dataset(folder, pipeline, fine=False, **kwargs):
    prefix = dict(img_path='img', coarse_path='coarse', **(dict(seg_map_path='fine') if fine else {}))
    kwargs = dict(coarse_values=NLCD, metainfo=META, **kwargs)
    return CoarseLabelDataset(data_root=str(folder), data_prefix=prefix, pipeline=pipeline, **kwargs)


def test_cells_and_labels_follow_crops_flips_and_turns(folder):
    """Whatever was drawn: every pixel's image value tells where it was, and there its cell and label are right."""
    rows, cols = np.indices((60, 70))
    with rasterio.open(folder / 'img' / 'a.tif', 'r+') as file:
        file.write(np.stack([rows, cols, rows]).astype(np.uint8))
    with rasterio.open(folder / 'coarse' / 'a.tif') as file:
        coarse = file.read(1)
    data = dataset(folder, TRAIN, samples_per_raster=1)
    for seed in range(12):
        np.random.seed(seed)
        sample = data[0]
        row, col = sample['inputs'][0].numpy().astype(int), sample['inputs'][1].numpy().astype(int)
        cell_row, cell_col = (row + 0.5 + 3) // 10, (col + 0.5 + 4) // 10
        inside = (cell_row < 5) & (cell_col < 9)
        raw = coarse[np.where(inside, cell_row, 0).astype(int), np.where(inside, cell_col, 0).astype(int)]
        label = np.where(inside, np.vectorize(NLCD.get)(raw), 255)
        found, cells = sample['data_samples'].gt_sem_seg.data[0].numpy(), sample['cells'].numpy()
        assert np.array_equal(found, label)
        assert np.array_equal(cells < 0, label == 255)
        for cell in np.unique(cells[cells >= 0]):
            of_cell = cells == cell
            assert len(np.unique(cell_row[of_cell])) == len(np.unique(cell_col[of_cell])) == 1


def test_validation_has_fine_and_coarse_labels(folder):
    pipeline = [
        dict(type='LoadRasterWindow'),
        dict(type='LoadCoarseLabels', as_label=False),
        dict(type='PackUDAInputs'),
    ]
    sample = dataset(folder, pipeline, fine=True, tile=64)[0]
    with rasterio.open(folder / 'fine' / 'a.tif') as file:
        assert np.array_equal(sample['data_samples'].gt_sem_seg.data[0].numpy(), file.read(1)[:, :64])
    assert sample['cells'].shape == sample['coarse_label'].shape == (60, 64)


def test_one_raster_may_cover_all_images(folder):
    data = CoarseLabelDataset(
        data_root=str(folder), data_prefix=dict(img_path='img', coarse_path='coarse/b.tif'), coarse_values=NLCD,
        metainfo=META, pipeline=TRAIN,
    )  # fmt: skip
    assert {data.get_data_info(i)['coarse_path'] for i in range(len(data))} == {str(folder / 'coarse' / 'b.tif')}


def test_flips_and_turns_keep_pixels_and_cells_together():
    seen = set()
    for seed in range(8):
        np.random.seed(seed)
        for shape in ((5, 5), (4, 6)):
            image = np.arange(shape[0] * shape[1]).reshape(shape)
            results = dict(img=np.dstack([image] * 3), cells=image.astype(np.int32))
            results = RandomQuarterTurn()(RandomFlipAll()(results))
            assert np.array_equal(results['img'][..., 0], results['cells'])
            assert results['cells'].shape == shape  # batches of what is not square stack too
        seen.add(results['quarter_turns'])
    assert seen == {0, 2}


def test_a_quarter_turn_is_numpys():
    turned = set()
    for seed in range(20):
        np.random.seed(seed)
        image = np.arange(9).reshape(3, 3)
        results = RandomQuarterTurn()(dict(img=image[..., None], cells=image))
        assert np.array_equal(results['cells'], np.rot90(image, results['quarter_turns']))
        turned.add(results['quarter_turns'])
    assert turned == {0, 1, 2, 3}


@pytest.mark.parametrize('before', [dict(type='RandomFlipAll', horizontal=1.0), dict(type='ResampleToGSD', gsd=2.0)])
def test_coarse_labels_are_read_before_anything_moves(folder, before):
    data = dataset(folder, [dict(type='LoadRasterWindow', with_label=False), before, dict(type='LoadCoarseLabels')])
    with pytest.raises(ValueError, match='put it right behind LoadRasterWindow'):
        data[0]


def test_a_choice_of_classes_is_one_of_coarse_labels_too(folder):
    class Products(CoarseLabelDataset):
        METAINFO = META

    pipeline = [dict(type='LoadRasterWindow'), dict(type='LoadCoarseLabels', as_label=False)]
    data = Products(
        data_root=str(folder), data_prefix=dict(img_path='img', coarse_path='coarse', seg_map_path='fine'),
        coarse_values=NLCD, metainfo=dict(classes=('c', 'a')), pipeline=pipeline,
    )  # fmt: skip
    whole = dataset(folder, pipeline, fine=True)
    becomes = np.full(256, 255)
    becomes[[0, 2]] = 1, 0
    for key in ('gt_seg_map', 'coarse_label'):
        assert np.array_equal(data[0][key], becomes[whole[0][key]])


def test_declared_nodata_is_ignored_unless_it_is_a_class(folder):
    path = folder / 'coarse' / 'a.tif'
    with rasterio.open(path) as file:
        values, profile = file.read(), file.profile
    values[:, 2] = 77
    for nodata, code in ((77, 77), (41, 41)):
        with rasterio.open(path, 'w', **{**profile, 'nodata': nodata}) as file:
            file.write(np.where(values == 77, code, values))
        pipeline = [dict(type='LoadRasterWindow', with_label=False), dict(type='LoadCoarseLabels')]
        label = dataset(folder, pipeline, samples_per_raster=1)[0]['gt_seg_map']
        assert (label[20:25] == (255 if code == 77 else 1)).all()
        close_rasters()


@pytest.mark.parametrize(
    ('change', 'says'),
    [
        ('code', 'holds the value 99, but only 11, 12, 41, 81, 255 are allowed'),
        ('projection', 'has no projection'),
        ('place', 'does not overlap its image'),
        ('missing', 'has no coarse label'),
        ('bands', 'has 3 bands'),
    ],
)
def test_unfit_coarse_labels_are_refused(folder, change, says):
    path = folder / 'coarse' / 'b.tif'
    transform, values = rasterio.Affine(10, 0, EAST, 0, -10, NORTH), np.full((5, 9), 11, np.uint8)
    if change == 'code':
        values[2, 2] = 99
    path.unlink()
    if change == 'bands':
        values = np.stack([values] * 3)
    if change == 'place':
        transform = rasterio.Affine(10, 0, EAST + 5000, 0, -10, NORTH)
    if change != 'missing':
        write(path, values, transform, None if change == 'projection' else UTM)
    with pytest.raises((ValueError, FileNotFoundError), match=says):
        dataset(folder, TRAIN)


MAPS = [dict(type='LoadLabelWindow'), dict(type='RandomFlipAll'), dict(type='PackUDAInputs')]


def label_maps(folder, **kwargs):
    return LabelMapDataset(data_root=str(folder), data_prefix=dict(img_path='fine'), metainfo=META, **kwargs)


def test_label_maps_have_labels_and_no_image(folder):
    data = label_maps(folder, tile=20, pipeline=MAPS)
    assert len(data) == 2 * 3 * 4
    sample = data[0]
    assert 'inputs' not in sample and sample['data_samples'].gt_sem_seg.data.shape == (1, 20, 20)


def test_few_exemplars_are_a_part_of_more(folder):
    windows = [
        {str(item) for item in (label_maps(folder, tile=20, pipeline=MAPS, count=n).load_data_list())}
        for n in (1, 5, 24)
    ]
    assert [len(one) for one in windows] == [1, 5, 24] and windows[0] < windows[1] < windows[2]
    with pytest.raises(ValueError, match='count=25 of LabelMapDataset, but there are 24 items'):
        label_maps(folder, tile=20, pipeline=MAPS, count=25)


def test_a_label_map_with_an_unknown_class_is_refused(folder):
    with pytest.raises(ValueError, match='holds the value 2'):
        LabelMapDataset(
            data_root=str(folder), data_prefix=dict(img_path='fine'), metainfo=dict(classes=('a', 'b')), pipeline=MAPS
        )


def test_an_image_with_control_points_alone(tmp_path):
    points = [rasterio.control.GroundControlPoint(row, col, 5e5 + col, 5e6 - row) for row in (0, 8) for col in (0, 8)]
    profile = dict(driver='GTiff', height=8, width=8, count=1, dtype='uint8', crs=UTM)
    for name, place in (('a', dict(gcps=points)), ('b', dict(transform=rasterio.Affine(1, 0, 5e5, 0, -1, 5e6)))):
        with rasterio.open(tmp_path / f'{name}.tif', 'w', **profile, **place) as file:
            file.write(np.zeros((1, 8, 8), np.uint8))
    with pytest.raises(ValueError, match=r'a\.tif is placed by ground control points alone.*gdalwarp'):
        overlap(*(open_raster(str(tmp_path / f'{name}.tif')) for name in 'ab'))
