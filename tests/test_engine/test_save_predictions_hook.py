from types import SimpleNamespace

import numpy as np
import pytest
import rasterio
import torch
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from PIL import Image
from rasterio.transform import from_origin

from mmuda.engine import raster_tiles
from mmuda.engine.hooks.save_predictions_hook import SavePredictionsHook
from mmuda.utils.errors import UserError

PALETTE = [[10, 20, 30], [200, 100, 0]]
WINDOWS = [(0, 0, 3, 4), (0, 4, 3, 2), (3, 0, 2, 4)]  # of 5 x 6 px; the last corner stays uncovered


@pytest.fixture
def runner(tmp_path):
    metainfo = dict(classes=('ground', 'roof'), palette=PALETTE)
    dataset = type('Dataset', (SimpleNamespace,), {})(
        data_prefix=dict(img_path=str(tmp_path / 'images')), metainfo=metainfo
    )
    return SimpleNamespace(test_dataloader=SimpleNamespace(dataset=dataset))


@pytest.fixture
def image(tmp_path):
    path = tmp_path / 'images' / 'city' / 'a.tif'
    path.parent.mkdir(parents=True)
    profile = dict(driver='GTiff', height=5, width=6, count=3, dtype='uint8', crs='EPSG:32633')
    with rasterio.open(path, 'w', transform=from_origin(100, 200, 0.3, 0.3), **profile) as raster:
        raster.write(np.random.default_rng(0).integers(0, 256, (3, 5, 6)).astype(np.uint8))
    return path


def sample(path, prediction: np.ndarray, window=None, truth=None) -> SegDataSample:
    result = SegDataSample(metainfo=dict(img_path=str(path), window=window))
    result.pred_sem_seg = PixelData(data=torch.from_numpy(prediction)[None])
    if truth is not None:
        result.gt_sem_seg = PixelData(data=torch.from_numpy(truth)[None])
    return result


def tiles(path, label) -> list[SegDataSample]:
    return [sample(path, label[r : r + h, c : c + w], (r, c, h, w)) for r, c, h, w in WINDOWS]


def test_windows_become_one_raster_on_its_grid(runner, image, tmp_path):
    label = np.random.default_rng(1).integers(0, 2, (5, 6))
    hook = SavePredictionsHook(out_dir=str(tmp_path / 'out'))
    hook.before_test(runner)
    for tile in tiles(image, label):
        hook.after_test_iter(runner, 0, outputs=[tile])
    assert not (tmp_path / 'out' / 'city' / 'a.tif').exists()
    hook.after_test(runner)
    expected = label.copy()
    expected[3:, 4:] = 255
    with rasterio.open(tmp_path / 'out' / 'city' / 'a.tif') as raster:
        assert np.array_equal(raster.read(1), expected)
        assert (raster.crs.to_epsg(), raster.transform.a, raster.nodata) == (32633, 0.3, 255)
        assert raster.colormap(1)[1] == (200, 100, 0, 255)
    assert [p.name for p in (tmp_path / 'out').rglob('*') if p.is_file()] == ['a.tif']


def test_windows_of_several_processes_meet_in_one_raster(runner, image, tmp_path, monkeypatch):
    label = np.random.default_rng(2).integers(0, 2, (5, 6))
    ranks = [SavePredictionsHook(out_dir=str(tmp_path / 'out')) for _ in range(2)]
    ranks[0].before_test(runner)
    for rank, hook in enumerate(ranks):
        monkeypatch.setattr(raster_tiles.dist, 'get_rank', lambda rank=rank: rank)
        for tile in tiles(image, label)[rank::2]:
            hook.after_test_iter(runner, 0, outputs=[tile])
    monkeypatch.setattr(raster_tiles.dist, 'all_gather_object', lambda _: [hook._tiles._saved for hook in ranks])
    ranks[0].after_test(runner)
    with rasterio.open(tmp_path / 'out' / 'city' / 'a.tif') as raster:
        assert np.array_equal(raster.read(1)[:3], label[:3])


def test_windows_of_a_process_that_sees_another_folder_are_missed(runner, image, tmp_path, monkeypatch):
    hook = SavePredictionsHook(out_dir=str(tmp_path / 'out'))
    hook.before_test(runner)
    hook.after_test_iter(runner, 0, outputs=tiles(image, np.zeros((5, 6), dtype=np.int64)))
    monkeypatch.setattr(raster_tiles.dist, 'all_gather_object', lambda own: [own, 2])
    with pytest.raises(UserError, match='3 of 5 predicted windows .* all processes share'):
        hook.after_test(runner)
    assert not (tmp_path / 'out' / 'city').exists()


def test_whole_images_become_pngs(runner, tmp_path):
    path = tmp_path / 'images' / 'b.png'
    path.parent.mkdir(parents=True)
    Image.fromarray(np.full((4, 3, 3), 9, dtype=np.uint8)).save(path)
    hook = SavePredictionsHook(str(tmp_path / 'out'), str(tmp_path / 'show'))
    prediction = np.arange(12).reshape(4, 3) % 2
    hook.before_test(runner)
    hook.after_test_iter(runner, 0, outputs=[sample(path, prediction)])
    hook.after_test(runner)
    assert np.array_equal(np.asarray(Image.open(tmp_path / 'out' / 'b.png')), prediction)
    assert (tmp_path / 'show' / 'b.png').is_file()


def test_pictures_show_truth_only_where_there_is_one(runner, image, tmp_path):
    hook = SavePredictionsHook(show_dir=str(tmp_path / 'show'))
    roof, ground = np.ones((3, 4), dtype=np.int64), np.zeros((3, 4), dtype=np.int64)
    hook.before_test(runner)
    outputs = [sample(image, roof, (0, 0, 3, 4), truth=ground), sample(image, roof, (2, 2, 3, 4))]
    hook.after_test_iter(runner, 0, outputs=outputs)
    hook.after_test(runner)
    labelled, unlabelled = (
        np.asarray(Image.open(tmp_path / 'show' / 'city' / name).convert('RGB')) for name in ('a_0_0.png', 'a_2_2.png')
    )
    areas = {
        key: [int((picture == colour).all(axis=-1).sum()) for colour in PALETTE]
        for key, picture in dict(labelled=labelled, unlabelled=unlabelled).items()
    }
    assert areas['labelled'][0] > 0.8 * areas['labelled'][1]  # the truth's panel; the prediction's; two swatches
    assert areas['unlabelled'][0] < 0.1 * areas['unlabelled'][1]
    assert labelled.shape[1] > unlabelled.shape[1]


def items(runner, *images, **labels):
    """The runner's dataset, with these images as its items."""
    dataset = runner.test_dataloader.dataset
    dataset.infos = [dict(img_path=str(image), **labels) for image in images]
    type(dataset).__len__ = lambda self: len(self.infos)
    dataset.get_data_info = lambda index: dataset.infos[index]


@pytest.mark.parametrize('given', ['out_dir', 'show_dir'])
def test_images_that_would_have_one_output_are_refused_before_the_test(runner, tmp_path, given):
    items(runner, tmp_path / 'images/city/a.tif', tmp_path / 'images/city/a.png')
    with pytest.raises(UserError, match=r'city/a\.tif and .*city/a\.png would both be written to .*out/city/a\.png'):
        SavePredictionsHook(**{given: str(tmp_path / 'out')}).before_test(runner)
    assert not (tmp_path / 'out').exists()


@pytest.mark.parametrize('given', ['out_dir', 'show_dir'])
def test_images_and_labels_are_no_outputs(runner, image, tmp_path, given):
    picture, label = tmp_path / 'images/b.png', tmp_path / 'labels/b.png'
    for path in (picture, label):
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(np.full((4, 3), 9, dtype=np.uint8)).save(path)
    items(runner, picture, seg_map_path=str(label))
    for folder in ('images', 'labels'):
        with pytest.raises(UserError, match=f'{folder}/b.png is read as an input'):
            SavePredictionsHook(**{given: str(tmp_path / folder)}).before_test(runner)
    items(runner, image)
    runner.test_dataloader.dataset.infos[0]['window'] = None  # of a RasterDataset, whose maps are GeoTIFFs
    with pytest.raises(UserError, match='images/city/a.tif is read as an input'):
        SavePredictionsHook(out_dir=str(tmp_path / 'images')).before_test(runner)


def test_translated_images_keep_their_folders(runner, tmp_path):
    dataset = runner.test_dataloader.dataset
    dataset.translated_images = str(tmp_path / 'translated')
    names = [raster_tiles.name_of(sample(tmp_path / f'translated/{city}/a.tif', np.zeros((1, 1))), dataset)
             for city in ('east', 'west')]  # fmt: skip
    assert [str(name) for name in names] == ['east/a', 'west/a']


def test_datasets_in_a_row_keep_the_folders_that_tell_their_images_apart(runner, tmp_path):
    cities = [SimpleNamespace(data_prefix=dict(img_path=str(tmp_path / city))) for city in ('east', 'west')]
    both = SimpleNamespace(datasets=cities)
    names = [raster_tiles.name_of(sample(tmp_path / f'{city}/a.tif', np.zeros((1, 1))), both)
             for city in ('east', 'west')]  # fmt: skip
    assert [str(name) for name in names] == ['east/a', 'west/a']


def test_pixels_without_data_are_written_as_such(runner, image, tmp_path):
    label = np.random.default_rng(3).integers(0, 2, (5, 6))
    missing = np.random.default_rng(4).random((5, 6)) > 0.5
    one = sample(image, label, (0, 0, 5, 6))
    one.set_data(dict(no_data=PixelData(data=torch.from_numpy(missing)[None])))
    hook = SavePredictionsHook(out_dir=str(tmp_path / 'out'))
    hook.before_test(runner)
    hook.after_test_iter(runner, 0, outputs=[one])
    hook.after_test(runner)
    with rasterio.open(tmp_path / 'out' / 'city' / 'a.tif') as raster:
        assert np.array_equal(raster.read(1), np.where(missing, 255, label))
