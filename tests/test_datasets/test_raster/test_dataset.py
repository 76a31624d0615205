import numpy as np
import pytest
import rasterio
import torch
from mmengine.structures import PixelData
from mmseg.evaluation import IoUMetric
from PIL import Image
from rasterio.enums import ColorInterp

from mmuda.datasets import RasterDataset
from mmuda.datasets.raster import reading
from mmuda.datasets.raster.items import tile_windows
from mmuda.datasets.raster.reading import close_rasters
from mmuda.registry import DATASETS

CLASSES = dict(classes=('background', 'building'), palette=[[0, 0, 0], [255, 255, 255]])
BOTH = dict(img_path='img_dir', seg_map_path='ann_dir')
TRAIN = [dict(type='RandomGroundCrop', extent=20.0), dict(type='LoadRasterWindow'), dict(type='PackUDAInputs')]
TEST = [dict(type='LoadRasterWindow'), dict(type='PackUDAInputs')]


def build(root, **kwargs):
    settings = dict(data_root=str(root), data_prefix=BOTH, metainfo=CLASSES, pipeline=TRAIN) | kwargs
    return DATASETS.build(dict(type='RasterDataset', **settings))


def test_items_are_proportional_to_area(buildings):
    dataset = build(buildings)
    assert len(dataset) == 40 * 60 // 400 + 80 * 60 // 400
    assert len(build(buildings, samples_per_raster=3)) == 6
    assert [raster.gsd for raster in dataset.rasters] == [1.0, 1.0]


def test_a_crop_is_what_the_raster_holds_there(buildings):
    sample = build(buildings)[0]
    row, col, height, width = sample['data_samples'].window
    assert (height, width) == (20, 20)
    rows, cols = torch.meshgrid(torch.arange(row, row + 20), torch.arange(col, col + 20), indexing='ij')
    assert torch.equal(sample['inputs'][0].long(), rows)
    assert torch.equal(sample['inputs'][1].long(), cols)
    assert torch.equal(sample['data_samples'].gt_sem_seg.data[0], (rows + cols) % 2)
    assert sample['data_samples'].gsd == 1.0


def test_without_labels_no_label_is_touched(buildings):
    for path in (buildings / 'ann_dir').iterdir():
        path.unlink()
    (buildings / 'ann_dir').rmdir()
    for settings in (dict(data_prefix=dict(img_path='img_dir')), dict(labelled=False)):
        dataset = build(buildings, **settings)
        assert not dataset.labelled
        assert 'gt_sem_seg' not in dataset[0]['data_samples']


def test_tiles_show_every_pixel_once(buildings):
    dataset = build(buildings, tile=32, pipeline=TEST)
    seen = {str(raster.path): np.zeros(raster.shape, int) for raster in dataset.rasters}
    for sample in dataset:
        meta = sample['data_samples']
        row, col, height, width = meta.window
        assert sample['inputs'].shape == (3, height, width)
        assert meta.ori_shape == (height, width)
        seen[meta.img_path][row : row + height, col : col + width] += 1
    assert all((count == 1).all() for count in seen.values())


def test_a_few_tiles_are_chosen_and_crops_stay_inside_them(buildings):
    """a.tif, 40 x 60 pixels, has tiles 0 to 5; b.tif, 80 x 60, has 6 to 17."""
    few = build(buildings, tile=20, last_tile='shift', indices=[1, 9])
    assert [few.get_data_info(i)['window'] for i in range(len(few))] == [(0, 20, 20, 20), (20, 0, 20, 20)]
    small = [dict(TRAIN[0], extent=12.0), *TRAIN[1:]]
    inside = build(buildings, tile=20, last_tile='shift', indices=[1, 9], pipeline=small)
    for index, (row, col) in enumerate([(0, 20), (20, 0)]):
        windows = {tuple(inside[index]['data_samples'].window) for _ in range(20)}
        assert len(windows) > 5
        assert all(row <= r <= row + 8 and col <= c <= col + 8 and (h, w) == (12, 12) for r, c, h, w in windows)
    assert len(build(buildings, tile=20, last_tile='shift', indices=3)) == 3


def test_tile_windows():
    assert tile_windows((5, 4), (3, 4)) == [(0, 0, 3, 4), (3, 0, 2, 4)]
    assert tile_windows((5, 4), (3, 4), 'shift') == [(0, 0, 3, 4), (2, 0, 3, 4)]
    assert tile_windows((2, 2), (3, 4), 'shift') == [(0, 0, 2, 2)]


def test_whole_rasters_without_tile(buildings):
    dataset = build(buildings, pipeline=TEST, test_mode=True)
    assert [tuple(sample['inputs'].shape) for sample in dataset] == [(3, 40, 60), (3, 80, 60)]


def test_mmseg_metric_scores_the_tiles(buildings):
    dataset = build(buildings, tile=32, pipeline=TEST, test_mode=True)
    metric = IoUMetric(iou_metrics=['mIoU'])
    metric.dataset_meta = dataset.metainfo
    for sample in dataset:
        data_sample = sample['data_samples']
        data_sample.pred_sem_seg = PixelData(data=data_sample.gt_sem_seg.data.clone())
        metric.process({}, [data_sample.to_dict()])
    assert metric.compute_metrics(metric.results)['mIoU'] == 100.0


def test_class_subset_as_mmseg(tmp_path, write_raster, coded_image):
    class Three(RasterDataset):
        METAINFO = dict(classes=('a', 'b', 'c'), palette=[[0, 0, 0], [1, 1, 1], [2, 2, 2]])

    write_raster(tmp_path / 'img_dir/x.tif', coded_image(4, 4), gsd=1.0)
    write_raster(tmp_path / 'ann_dir/x.tif', np.tile(np.uint8([0, 1, 2, 255]), (4, 1)), gsd=1.0)
    dataset = Three(
        data_root=str(tmp_path), data_prefix=BOTH, metainfo=dict(classes=('c', 'a')), pipeline=TEST, test_mode=True
    )
    assert dataset.metainfo['palette'] == [[2, 2, 2], [0, 0, 0]]
    assert dataset[0]['data_samples'].gt_sem_seg.data[0, 0].tolist() == [1, 255, 0, 255]


def test_bands_and_value_range(tmp_path, write_raster):
    image = np.stack([np.full((8, 8), value) for value in (100, 200, 300, 1100)], -1).astype(np.uint16)
    write_raster(tmp_path / 'x.tif', image, gsd=1.0)
    settings = dict(data_prefix=dict(img_path=''), pipeline=TEST)
    with pytest.raises(ValueError, match=r'x\.tif is uint16, not uint8; set value_range'):
        build(tmp_path, **settings)
    inputs = build(tmp_path, bands=(4, 3, 1), value_range=(100, 1100), **settings)[0]['inputs']
    assert inputs.dtype == torch.float32
    torch.testing.assert_close(inputs[:, 0, 0], torch.tensor([255.0, 51.0, 0.0]))
    with pytest.raises(ValueError, match=r'x\.tif has 4 band\(s\), but bands=\(1, 5\)'):
        build(tmp_path, bands=(1, 5), value_range=(0, 1), **settings)


def test_each_band_may_have_a_range_of_its_own(tmp_path, write_raster):
    """A band of other values, such as heights beside reflectances, would vanish in the range of all."""
    image = np.stack([np.full((8, 8), value) for value in (100, 200, 300, 7)], -1).astype(np.float32)
    image[0, 1] = (1000, 150, np.nan, 9)
    write_raster(tmp_path / 'x.tif', image, gsd=1.0)
    settings = dict(data_prefix=dict(img_path=''), pipeline=[dict(type='LoadRasterWindow')])
    ranges = [(5, 10), [0, 400], (100, 200)]
    found = build(tmp_path, bands=(4, 3, 2), value_range=ranges, **settings)[0]['img']
    assert found.dtype == np.float32
    np.testing.assert_allclose(found[0, 0], [2 / 5 * 255, 300 / 400 * 255, 255], rtol=1e-6)
    valid = build(tmp_path, bands=(4, 2), value_range=ranges[::2], **settings)[0]['img']
    np.testing.assert_allclose(valid[0, 1], [4 / 5 * 255, 0.5 * 255], rtol=1e-6)


def test_suffixes_prefix_list_and_subfolders(tmp_path, write_raster, coded_image):
    for name in ('north/n1', 'north/n2', 's1'):
        write_raster(tmp_path / f'{name}_image.tif', coded_image(8, 8), gsd=1.0)
        write_raster(tmp_path / f'{name}_label.tif', np.zeros((8, 8), np.uint8), gsd=1.0)
    (tmp_path / 'list.txt').write_text('s1\nnorth/n2\n')
    settings = dict(
        data_prefix=dict(img_path='', seg_map_path=''),
        img_suffix='_image.tif',
        seg_map_suffix='_label.tif',
        pipeline=TEST,
    )
    assert len(build(tmp_path, **settings)) == 3
    assert len(build(tmp_path, name_prefix=['n1', 's'], **settings)) == 2
    listed = build(tmp_path, ann_file='list.txt', **settings)
    assert [listed.get_data_info(i)['seg_map_path'][-12:] for i in range(2)] == ['s1_label.tif', 'n2_label.tif']
    with pytest.raises(FileNotFoundError, match=r'other\.txt .* does not exist'):
        build(tmp_path, ann_file='other.txt', **settings)
    with pytest.raises(ValueError, match='share the folder'):
        build(tmp_path, **(settings | dict(seg_map_suffix='_image.tif')))


def test_no_images(buildings):
    with pytest.raises(
        FileNotFoundError, match=r"RasterDataset found no images in .*img_dir with suffix '\.jpg'; check"
    ):
        build(buildings, img_suffix='.jpg')
    with pytest.raises(FileNotFoundError, match=r"found no images .* \(name_prefix: 'z'\)"):
        build(buildings, name_prefix='z')
    with pytest.raises(FileNotFoundError, match=r'The folder .*nowhere of RasterDataset does not exist'):
        build(buildings, data_prefix=dict(img_path='nowhere'))


def test_missing_label(buildings):
    (buildings / 'ann_dir/b.tif').unlink()
    with pytest.raises(FileNotFoundError, match=r'img_dir/b\.tif has no label .*labelled=False'):
        build(buildings)


def test_label_of_another_size_or_grid(buildings, write_raster):
    write_raster(buildings / 'ann_dir/b.tif', np.zeros((80, 61), np.uint8), gsd=1.0)
    with pytest.raises(ValueError, match=r'ann_dir/b\.tif is 80 x 61 px, but its image .*b\.tif is 80 x 60 px'):
        build(buildings)
    write_raster(buildings / 'ann_dir/b.tif', np.zeros((80, 60), np.uint8), gsd=1.0, origin=(500001.0, 5000000.0))
    with pytest.raises(ValueError, match=r'ann_dir/b\.tif lies on another grid'):
        build(buildings)


def test_unreadable_raster(buildings):
    (buildings / 'img_dir/b.tif').write_bytes((buildings / 'img_dir/b.tif').read_bytes()[:300])
    with pytest.raises(ValueError, match=r'img_dir/b\.tif .*replace it by an intact copy or take it out'):
        build(buildings)


def test_missing_gsd(buildings, write_raster, coded_image):
    write_raster(buildings / 'img_dir/b.tif', coded_image(80, 60))
    with pytest.raises(ValueError, match=r'b\.tif has no georeference.*set gsd=<metres per pixel> of RasterDataset'):
        build(buildings)
    assert [raster.gsd for raster in build(buildings, gsd=0.5).rasters] == [0.5, 0.5]


def test_crop_larger_than_the_raster(buildings):
    pipeline = [dict(type='RandomGroundCrop', extent=50.0), *TRAIN[1:]]
    with pytest.raises(ValueError, match=r'\(50\.0, 50\.0\) m is 50 x 50 px on .*a\.tif .*only 40 x 60 px'):
        build(buildings, pipeline=pipeline)


def test_label_values_out_of_range_when_built_and_when_loaded(buildings, write_raster):
    label = np.zeros((80, 60), np.uint8)
    label[79, 59] = 6
    write_raster(buildings / 'ann_dir/b.tif', label, gsd=1.0)
    with pytest.raises(ValueError, match=r'ann_dir/b\.tif holds the value 6, but only 0, 1, 255 are allowed'):
        build(buildings)
    dataset = build(buildings, check_labels='none', pipeline=TEST)
    with pytest.raises(ValueError, match=r'ann_dir/b\.tif holds the value 6'):
        dataset[1]


def test_sampled_check_reads_windows_of_large_labels(buildings, monkeypatch):
    from mmuda.datasets.raster import damage, label_reading

    monkeypatch.setattr(damage, '_FULL_CHECK_PIXELS', 80 * 60 - 1)
    monkeypatch.setattr(damage, '_CHECK_WINDOW', 10)
    asked = []
    monkeypatch.setattr(
        label_reading,
        'read_window',
        lambda path, window, bands: asked.append(window) or reading.read_window(path, window, bands),
    )
    build(buildings)
    assert asked[-3:] == [(0, 0, 10, 10), (35, 25, 10, 10), (70, 50, 10, 10)]
    asked.clear()
    build(buildings, check_labels='all')
    assert sum(height * width for _, _, height, width in asked) == 40 * 60 + 80 * 60


def test_masks_of_0_and_255_are_not_taken_for_no_data(tmp_path, write_raster, coded_image):
    write_raster(tmp_path / 'img_dir/x.tif', coded_image(8, 8), gsd=1.0)
    write_raster(tmp_path / 'ann_dir/x.tif', np.tile(np.uint8([0, 255]), (8, 4)), gsd=1.0)
    with pytest.raises(ValueError, match=r'hold only 0 and 255.*label_values=\{0: 0, 255: 1\}'):
        build(tmp_path, pipeline=TEST)
    dataset = build(tmp_path, pipeline=TEST, label_values={0: 0, 255: 1})
    assert dataset[0]['data_samples'].gt_sem_seg.data[0, 0].tolist() == [0, 1] * 4


@pytest.mark.parametrize(
    ('settings', 'message'),
    [
        (dict(gsd=0), r'gsd=0 .* positive'),
        (dict(value_range=(5, 5)), r'value_range=\(5, 5\)'),
        (dict(last_tile='drop'), "last_tile='drop'"),
        (dict(check_labels='some'), "check_labels='some'"),
        (dict(metainfo=None), 'has labels but no classes'),
    ],
)
def test_unfit_arguments(buildings, settings, message):
    with pytest.raises(ValueError, match=message):
        build(buildings, **settings)


def test_predicted_labels_take_the_place_of_the_datasets_own(buildings, write_raster):
    """As a stage's pseudo labels and tools/test.py --out write them: class indices and 255, at the images' paths."""
    predicted = np.full((40, 60), 255, np.uint8)
    predicted[:20] = 1
    for name, label in dict(a=predicted, b=np.full((80, 60), 255, np.uint8)).items():
        write_raster(buildings / 'written' / f'{name}.tif', label, gsd=1.0)
    options = dict(
        data_root=str(buildings),
        data_prefix=dict(img_path='img_dir', seg_map_path='ann_dir'),
        metainfo=dict(classes=('background', 'building')),
        # Both are for the dataset's own labels.
        label_values={0: 1, 1: 0},
        seg_map_suffix='_mask.png',
        tile=128,
        pipeline=[dict(type='LoadRasterWindow')],
    )
    dataset = RasterDataset(predicted_labels=str(buildings / 'written'), **options)
    assert np.array_equal(dataset[0]['gt_seg_map'], predicted)
    (buildings / 'written' / 'b.tif').unlink()
    with pytest.raises(FileNotFoundError, match=r"b.tif has no label .*written/b with suffix '.tif'"):
        RasterDataset(predicted_labels=str(buildings / 'written'), **options)


@pytest.mark.parametrize(
    ('bands', 'says'),
    [
        ((0, 1, 2), r'counts from 0, but bands are counted from 1; give bands=\(1, 2, 3\)'),
        ([0], r'give bands=\(1,\)'),
        ((-1, 2, 3), r'bands=\(-1, 2, 3\) .* whole numbers from 1 up'),
        ((1.0, 2, 3), 'whole numbers from 1 up'),
        ((True, 2), 'whole numbers from 1 up'),
        (('1', '2'), 'whole numbers from 1 up'),
        ('123', 'is no list of bands'),
        (3, 'is no list of bands'),
        ((), 'names no band'),
    ],
)
def test_bands_that_cannot_be_are_refused(buildings, bands, says):
    with pytest.raises(ValueError, match=says):
        build(buildings, bands=bands)


def test_a_band_may_fill_several_channels(buildings):
    inputs = build(buildings, bands=[2, 2, 1], pipeline=TEST)[0]['inputs']
    assert torch.equal(inputs[0], inputs[1]) and not torch.equal(inputs[0], inputs[2])


@pytest.mark.parametrize('bands', [(1, 2, 3), None, (1, 1, 1)])
def test_numbers_of_a_colour_table_are_no_image(tmp_path, bands):
    rng = np.random.default_rng(0)
    picture = Image.fromarray(rng.integers(0, 255, (32, 32, 3)).astype(np.uint8))
    picture.quantize(16).save(tmp_path / 'a.png')
    settings = dict(data_root=str(tmp_path), gsd=1.0, img_suffix='.png', pipeline=[dict(type='LoadRasterWindow')])
    with pytest.raises(ValueError, match=r'a\.png holds numbers of a colour table .* -expand rgb a\.png'):
        RasterDataset(bands=bands, **settings)
    grey = picture.convert('L')
    grey.putpalette([value for value in range(256) for _ in range(3)])
    grey.save(tmp_path / 'a.png')
    close_rasters()
    np.testing.assert_array_equal(RasterDataset(bands=(1,), **settings)[0]['img'][..., 0], np.array(grey))


def test_bands_that_are_blue_green_red_by_the_file_are_told(tmp_path, write_raster, coded_image):
    path = write_raster(tmp_path / 'a.tif', coded_image(40, 60), gsd=1.0, photometric='RGB')
    settings = dict(data_root=str(tmp_path), pipeline=[dict(type='LoadRasterWindow')])
    assert RasterDataset(**settings).notes == []
    with rasterio.open(path, 'r+') as file:
        file.colorinterp = [ColorInterp.blue, ColorInterp.green, ColorInterp.red]
    (note,) = RasterDataset(**settings).notes
    assert 'a.tif are blue, green, red by what the file says' in note and 'set bands=(3, 2, 1)' in note
    assert RasterDataset(bands=(3, 2, 1), **settings).notes == []
    assert RasterDataset(bands=(2, 2, 2), **settings).notes == []


def test_colours_in_other_places_of_many_bands_are_told(tmp_path, write_raster, coded_image):
    image = np.concatenate([coded_image(40, 60)] * 2, axis=-1)[..., :5]
    path = write_raster(tmp_path / 'a.tif', image, gsd=1.0)
    with rasterio.open(path, 'r+') as file:
        other = ColorInterp.undefined
        file.colorinterp = [other, ColorInterp.blue, ColorInterp.green, ColorInterp.red, other]
    settings = dict(data_root=str(tmp_path), pipeline=[dict(type='LoadRasterWindow')])
    (note,) = RasterDataset(bands=(5, 2, 3, 4), **settings).notes
    assert 'are undefined, blue, green, red by what' in note and 'set bands=(4, 3, 2, 5) if the file is right' in note
    (note,) = RasterDataset(bands=None, **settings).notes
    assert 'set bands=(4, 3, 2, 1, 5) if' in note
    assert RasterDataset(bands=(4, 3, 2, 5), **settings).notes == []


@pytest.mark.parametrize('driver', ['GTiff', 'JPEG'])
def test_labels_in_jpeg_are_told(buildings, write_raster, driver):
    options = dict(label_values=dict.fromkeys(range(256), 0) | {1: 1})
    assert build(buildings, **options).notes == []
    flat = np.zeros((40, 60), np.uint8)
    settings = dict(compress='jpeg') if driver == 'GTiff' else dict(driver=driver)
    write_raster(buildings / 'ann_dir' / 'a.tif', flat, gsd=1.0, **settings)
    close_rasters()
    (note,) = build(buildings, **options).notes
    assert 'ann_dir/a.tif is a label in JPEG, which changes values' in note
