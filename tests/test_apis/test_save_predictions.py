from types import SimpleNamespace

import numpy as np
import pytest
import rasterio
import torch
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from PIL import Image
from rasterio.transform import from_origin

from mmuda.apis.save_predictions import SavePredictionsHook

PALETTE = [[0, 0, 0], [200, 100, 0]]


@pytest.fixture
def runner(tmp_path):
    dataset = SimpleNamespace(data_prefix=dict(img_path=str(tmp_path / 'images')), metainfo=dict(palette=PALETTE))
    return SimpleNamespace(test_dataloader=SimpleNamespace(dataset=dataset))


def sample(path, prediction: np.ndarray, window=None) -> SegDataSample:
    result = SegDataSample(metainfo=dict(img_path=str(path), window=window))
    result.pred_sem_seg = PixelData(data=torch.from_numpy(prediction)[None])
    result.gt_sem_seg = PixelData(data=torch.zeros_like(result.pred_sem_seg.data))
    return result


def test_windows_become_one_raster_on_its_grid(runner, tmp_path):
    path = tmp_path / 'images' / 'city' / 'a.tif'
    path.parent.mkdir(parents=True)
    image = np.random.default_rng(0).integers(0, 256, (3, 5, 6)).astype(np.uint8)
    profile = dict(driver='GTiff', height=5, width=6, count=3, dtype='uint8', crs='EPSG:32633')
    with rasterio.open(path, 'w', transform=from_origin(100, 200, 0.3, 0.3), **profile) as raster:
        raster.write(image)
    truth = np.random.default_rng(1).integers(0, 2, (5, 6))
    hook = SavePredictionsHook(str(tmp_path / 'out'), str(tmp_path / 'show'))
    hook.before_test(runner)
    for row, col, height, width in [(0, 0, 3, 4), (0, 4, 3, 2), (3, 0, 2, 4)]:  # the last corner stays uncovered
        tile = truth[row : row + height, col : col + width]
        hook.after_test_iter(runner, 0, outputs=[sample(path, tile, (row, col, height, width))])
    assert not (tmp_path / 'out' / 'city' / 'a.tif').exists()
    hook.after_test(runner)
    expected = truth.copy()
    expected[3:, 4:] = 255
    with rasterio.open(tmp_path / 'out' / 'city' / 'a.tif') as raster:
        assert np.array_equal(raster.read(1), expected)
        assert (raster.crs.to_epsg(), raster.transform.a, raster.nodata) == (32633, 0.3, 255)
    assert [p.name for p in (tmp_path / 'out').rglob('*') if p.is_file()] == ['a.tif']
    picture = np.asarray(Image.open(tmp_path / 'show' / 'city' / 'a_0_4.png'))
    assert picture.shape == (3, 3 * 2, 3)
    pixels = image[:, :3, 4:].transpose(1, 2, 0)
    assert np.array_equal(picture[:, :2], pixels)
    mixed = 0.4 * pixels + 0.6 * np.asarray(PALETTE)[truth[:3, 4:]]
    assert np.abs(picture[:, 4:] - mixed).max() <= 1


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
    assert np.asarray(Image.open(tmp_path / 'show' / 'b.png')).shape == (4, 9, 3)
