"""Maps of a model: blended, in several views, with probabilities, as Cloud Optimized GeoTIFFs that others read."""

import subprocess
import sys

import numpy as np
import pyogrio
import pytest
import rasterio
import scipy.ndimage
import shapely
import torch
from mmengine.dataset import pseudo_collate
from rio_cogeo.cogeo import cog_validate

from mmuda.apis import UserError, inference_model, init_model, load_config, predict_raster, predict_rasters, prepare
from mmuda.apis.map_network import turned, turned_back
from mmuda.apis.window_pipeline import WindowPipeline
from mmuda.checkpoints.reading import write_checkpoint
from mmuda.datasets.raster.reading import probe_raster
from mmuda.maps.options import TURNS
from mmuda.registry import MODELS
from mmuda.structures import NO_DATA
from tests.helpers import ROOT
from tests.helpers.pixelwise import PALETTE, bright_or_dark, config
from tests.helpers.wrong_inputs import Towns

pytestmark = pytest.mark.usefixtures('_identity_backbone')


@pytest.fixture
def scene():
    return np.random.default_rng(0).integers(0, 256, (150, 170, 3)).astype(np.uint8)


@pytest.fixture
def wide():
    """A network that sees 9 x 9 px, of random weights and three classes."""
    torch.manual_seed(0)
    head = dict(type='ConvHead', in_channels=3, num_classes=3, kernel_size=9)
    segmentor = dict(
        type='EncoderDecoder',
        backbone=dict(type='IdentityBackbone'),
        decode_head=head,
        test_cfg=dict(mode='whole'),
    )
    model = init_model(config(segmentor=segmentor), device='cpu')
    for weights in model.parameters():
        torch.nn.init.normal_(weights, std=0.1)
    model.dataset_meta = dict(classes=('road', 'house & home', 'tree'), palette=[*PALETTE, [0, 255, 0]])
    return model


def read(path):
    with rasterio.open(path) as raster:
        return raster.read()


@pytest.mark.parametrize('size', [(150, 170), (700, 1300)])
def test_the_map_is_a_valid_cog_with_names_and_colours(write, wide, tmp_path, size):
    image = np.random.default_rng(1).integers(0, 256, (*size, 3)).astype(np.uint8)
    out = predict_raster(wide, write(image, nodata=0), tmp_path / 'maps' / 'out.tif', tile=256)
    valid, errors, warnings = cog_validate(out, strict=True)
    assert valid and not errors and not warnings
    with rasterio.open(out) as raster:
        assert raster.nodata == 255 and raster.shape == size and raster.crs.to_epsg() == 32633
        assert raster.colormap(1)[2] == (0, 255, 0, 255)
        assert bool(raster.overviews(1)) == (max(size) > 512)
    text = (tmp_path / 'maps' / 'out.tif.aux.xml').read_text()
    assert '<Category>house &amp; home</Category>' in text
    assert sorted(path.name for path in out.parent.iterdir()) == ['out.qml', 'out.tif', 'out.tif.aux.xml']


def test_blended_windows_equal_the_whole_raster(write, scene, wide, tmp_path):
    path = write(scene)
    whole = inference_model(wide, scene).pred_sem_seg.data[0].numpy()
    blended = read(predict_raster(wide, path, tmp_path / 'a.tif', tile=64, overlap=32, margin=4))[0]
    np.testing.assert_array_equal(blended, whole)
    hard = read(predict_raster(wide, path, tmp_path / 'b.tif', tile=64, overlap=0, margin=0))[0]
    assert (hard != whole).any()


@pytest.mark.parametrize('dtype', ['uint8', 'float32'])
def test_probabilities_are_those_of_the_logits(write, scene, wide, tmp_path, dtype):
    scene[:5] = 0
    out = predict_raster(
        wide, write(scene, nodata=0), tmp_path / 'a.tif', tile=512, confidence=dtype, probabilities=dtype
    )
    sample = wide.test_step(pseudo_collate([dict(inputs=torch.from_numpy(_filled(scene)).permute(2, 0, 1))]))[0]
    expected = sample.seg_logits.data.detach().softmax(dim=0).numpy()[:, 9:]
    found, confidence = read(tmp_path / 'a_probabilities.tif'), read(tmp_path / 'a_confidence.tif')
    scale, tolerance = (100, 0.502) if dtype == 'uint8' else (1, 1e-5)
    np.testing.assert_allclose(found[:, 9:], expected * scale, atol=tolerance)
    np.testing.assert_allclose(confidence[0, 9:], expected.max(axis=0) * scale, atol=tolerance)
    np.testing.assert_array_equal(read(out)[0, 9:], expected.argmax(axis=0))
    with rasterio.open(tmp_path / 'a_probabilities.tif') as raster:
        assert raster.descriptions == ('road', 'house & home', 'tree')
        assert raster.scales == ((0.01,) * 3 if dtype == 'uint8' else (1.0,) * 3)
        missing = raster.read_masks(1) == 0
    np.testing.assert_array_equal(missing, read(out)[0] == 255)
    assert missing[:5].all() and not missing[5:].any()
    assert cog_validate(tmp_path / 'a_probabilities.tif', strict=True)[0]


def _filled(scene):
    """Pixels without data have the mean of the others; the network sees 0 there."""
    image = scene.astype(np.float32)
    image[:5] = 127.5
    return image


@pytest.mark.parametrize('views, number', [('flips', 4), ('turns', 8)])
def test_views_are_averaged(write, scene, wide, tmp_path, views, number):
    scene = scene[:, :131]
    options = dict(tile=512, probabilities='float32')
    predict_raster(wide, write(scene), tmp_path / 'a.tif', views=views, **options)
    logits = []
    for flipped in (False, True):
        for turns in range(4):
            if number == 4 and turns % 2:
                continue
            image = np.rot90(scene[:, ::-1] if flipped else scene, turns)
            found = inference_model(wide, np.ascontiguousarray(image)).seg_logits.data.numpy().transpose(1, 2, 0)
            back = np.rot90(found, -turns)
            logits.append(back[:, ::-1] if flipped else back)
    expected = torch.from_numpy(np.mean(logits, axis=0)).softmax(dim=-1).numpy()
    np.testing.assert_allclose(read(tmp_path / 'a_probabilities.tif').transpose(1, 2, 0), expected, atol=1e-5)


def test_views_leave_pixels_without_data_where_they_are(write, scene, tmp_path):
    scene = scene.clip(1)
    scene[:9, 20:70] = 0
    path = write(scene, nodata=0)
    maps = [read(predict_raster(bright_or_dark(config()), path, tmp_path / f'{views}.tif', tile=64, views=views))
            for views in ('none', 'flips', 'turns')]  # fmt: skip
    np.testing.assert_array_equal(maps[0], maps[1])
    np.testing.assert_array_equal(maps[0], maps[2])


def test_batches_change_nothing_but_rounding(write, scene, wide, tmp_path):
    maps = [read(predict_raster(wide, write(scene), tmp_path / f'{size}.tif', tile=64, batch_size=size))
            for size in (1, 3)]  # fmt: skip
    assert (maps[0] != maps[1]).mean() < 1e-3


def test_a_batch_that_does_not_fit_is_halved(write, scene, wide, tmp_path):
    sizes, step = [], wide.test_step

    def small_memory(data):
        sizes.append(len(data['inputs']))
        if len(data['inputs']) > 1:
            raise torch.OutOfMemoryError('CUDA out of memory')
        return step(data)

    expected = read(predict_raster(wide, write(scene), tmp_path / 'a.tif', tile=64, batch_size=1))
    wide.test_step = small_memory
    found = read(predict_raster(wide, write(scene), tmp_path / 'b.tif', tile=64, batch_size=3))
    np.testing.assert_array_equal(found, expected)
    assert set(sizes) == {1, 2, 3}


@pytest.mark.parametrize('options, line', [
    (dict(overlap=64), 'overlap=64 of windows with tile=64 and margin=8 is not between'),
    (dict(overlap=8, margin=5), 'overlap=8 of windows with tile=64 and margin=5 is not between'),
    (dict(views='all'), "views='all' is unknown; choose one of none, flips, turns"),
    (dict(confidence='float16'), "confidence='float16' is unknown"),
    (dict(batch_size=0), 'batch_size=0; give a whole number of at least 1'),
])  # fmt: skip
def test_wrong_options_are_refused_before_anything_is_written(write, scene, wide, tmp_path, options, line):
    with pytest.raises(UserError, match=line):
        predict_raster(wide, write(scene), tmp_path / 'out' / 'a.tif', tile=64, **options)
    assert not (tmp_path / 'out').exists()


def test_two_outputs_of_one_name_are_refused(write, scene, wide, tmp_path):
    folder = tmp_path / 'in'
    folder.mkdir()
    for name in ('a.tif', 'a_confidence.tif'):
        write(scene).rename(folder / name)
    with pytest.raises(UserError, match='a_confidence.tif'):
        predict_rasters(wide, [folder], tmp_path / 'maps', confidence='uint8', report=lambda line: None)


def test_two_processes_make_the_map_of_one(write, tmp_path):
    """By the tool, on the config that new users begin with."""
    folder = Towns(tmp_path / 'towns').folder
    model = MODELS.build(prepare(load_config(folder / 'tiny.py')).model)
    write_checkpoint(model.state_dict(), folder / 'good.pth')
    image = np.random.default_rng(1).integers(0, 256, (300, 200, 3)).astype(np.uint8)
    arguments = [ROOT / 'tools' / 'predict.py', 'tiny.py', 'good.pth', write(image), '--tile', '64', '--device', 'cpu']
    launch = ['-m', 'torch.distributed.run', '--standalone', '--nproc-per-node', '2']
    for name, before, after in (('one', [], []), ('two', launch, ['--launcher', 'pytorch'])):
        command = [sys.executable, *before, *map(str, arguments), '--out', name, *after]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        assert done.stdout.count('windows of') == 1
    np.testing.assert_array_equal(read(folder / 'one' / 'image.tif'), read(folder / 'two' / 'image.tif'))


def test_a_mirrored_window_has_its_pixels_without_data_on_the_other_side(write, noise, tmp_path):
    """The network fills them with 0: another place would be another image."""
    noise = noise.clip(1)
    noise[:, :30] = 0
    sample = WindowPipeline(config()).of_window(probe_raster(str(write(noise, nodata=0))).resolved(), (0, 0, 61, 83))
    for turns, flipped in TURNS['turns']:
        view = turned(sample, turns, flipped)
        inputs, missing = view['inputs'], view['data_samples'].get(NO_DATA).data
        assert inputs[:, missing[0]].float().std(dim=1).max() == 0 and missing.sum() == 61 * 30
        assert torch.equal(turned_back(inputs, turns, flipped), sample['inputs'])
        assert torch.equal(turned_back(missing, turns, flipped), sample['data_samples'].get(NO_DATA).data)
        assert view['data_samples'].ori_shape == tuple(inputs.shape[1:])


def test_polygons_come_with_the_map(write, tmp_path):
    blocks = np.random.default_rng(0).integers(0, 2, (10, 12)).repeat(16, 0).repeat(16, 1)
    image = (blocks[..., None] * 200 + 20).repeat(3, 2).astype(np.uint8)
    model = bright_or_dark(config())
    model.dataset_meta = dict(classes=('background', 'bright'), palette=PALETTE)
    out = predict_raster(model, write(image), tmp_path / 'a.tif', tile=64, polygons='gpkg', confidence='uint8')
    info, _, shapes, (names, _, areas, sure) = pyogrio.raw.read(tmp_path / 'a.gpkg')
    shapes = shapely.from_wkb(shapes)
    label = read(out)[0]
    assert set(names) == {'bright'} and len(shapes) == scipy.ndimage.label(label == 1)[1]
    assert areas.sum() == pytest.approx(0.25 * (label == 1).sum()) == shapely.area(shapes).sum()
    assert (sure > 0.5).all() and list(info['fields']) == ['class', 'value', 'area_m2', 'confidence']
    predict_raster(model, write(image), tmp_path / 'b.tif', tile=64, polygons='geojson', min_area=70)
    assert len(pyogrio.raw.read(tmp_path / 'b.geojson')[2]) == (areas >= 70).sum() < len(areas)
    with pytest.raises(UserError, match='has no coordinate reference system, but GeoJSON'):
        predict_rasters(
            model, [write(image, crs=None)], tmp_path / 'maps', polygons='geojson', report=lambda line: None
        )
    assert not (tmp_path / 'maps').exists()


@pytest.mark.parametrize('size', ['192k', '384k', '640k', '704k', '896k'])
def test_a_disk_that_gets_full_leaves_the_older_map(write, tmp_path, size):
    """In the strips, in the raster that they are put into, or in the copy with overviews."""
    folder = tmp_path / 'full'
    folder.mkdir()
    if subprocess.run(
        ['mount', '-t', 'tmpfs', '-o', f'size={size}', 'none', str(folder)], capture_output=True
    ).returncode:
        pytest.skip('no small file system can be mounted here')
    try:
        model, options = bright_or_dark(config()), dict(tile=256, overlap=0)
        image = np.random.default_rng(0).integers(0, 256, (512, 1024, 3)).astype(np.uint8)
        predict_raster(model, write(image[:64, :64]), folder / 'a.tif', **options)
        before = (folder / 'a.tif').read_bytes()
        try:
            predict_raster(model, write(image), folder / 'a.tif', **options)
        except UserError as error:
            assert 'cannot be written: the disk is full' in str(error)
            assert (folder / 'a.tif').read_bytes() == before
            assert {path.name for path in folder.iterdir()} <= {'a.tif', '.a.tif.parts'}
        else:
            assert size == '896k' and read(folder / 'a.tif').shape == (1, 512, 1024)
    finally:
        subprocess.run(['umount', str(folder)], check=True)
