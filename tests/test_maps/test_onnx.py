"""An ONNX file makes the map of the checkpoint that it was exported from, where torch is not installed."""

import subprocess
import sys
from functools import cache, partial

import numpy as np
import onnx
import pytest
import rasterio

from mmuda.apis import UserError, export_model, init_model, mapping, predict_rasters
from mmuda.maps import predict_by_onnx
from mmuda.maps.onnx_network import OnnxModel, OnnxNetwork
from tests.helpers import ROOT
from tests.helpers.cards import HRDA_SEGMENTOR, NORM, SEGMENTOR, SUPER_RESOLUTION, build, written

BLOCKED = """
import runpy, sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split('.')[0] in ('torch', 'mmengine', 'mmcv', 'mmseg', 'scipy', 'matplotlib', 'kornia', 'tabulate'):
            raise ModuleNotFoundError(name, name=name)

sys.meta_path.insert(0, Blocked())
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name='__main__')
"""


@pytest.fixture(scope='module')
def models(tmp_path_factory):
    """Checkpoints and the ONNX files of them: one that resamples, and one that super-resolves."""
    folder, found = tmp_path_factory.mktemp('models'), {}
    for name, segmentor in (('plain', SEGMENTOR), ('fine', SUPER_RESOLUTION)):
        checkpoint = written(folder / f'{name}.pth', build(segmentor), segmentor=segmentor)
        export_model(checkpoint, folder / name, ['onnx'], report=lambda line: None)
        found[name] = checkpoint, folder / name / 'segmentor.onnx'
    return found


@pytest.fixture
def scene(tmp_path, write_raster):
    """A raster of 16 bits, with pixels without data, in a folder of its own."""
    image = np.random.default_rng(0).integers(100, 2500, (170, 230, 4)).astype(np.uint16)
    image[40:70, 100:150] = 0
    image[:3] = 0
    write_raster(tmp_path / 'images' / 'a.tif', image, gsd=0.25, nodata=0)
    return tmp_path / 'images'


def assert_same_maps(folder):
    """The map in ``onnx`` is that in ``torch``, but for rounding."""
    ours, theirs = (read(folder / kind / 'a_probabilities.tif') for kind in ('onnx', 'torch'))
    np.testing.assert_allclose(ours, theirs, atol=2e-4)
    ours, theirs = (read(folder / kind / 'a.tif') for kind in ('onnx', 'torch'))
    np.testing.assert_array_equal(ours == 255, theirs == 255)
    assert (ours != theirs).mean() < 1e-3 and len(np.unique(ours)) > 2


def read(path):
    with rasterio.open(path) as raster:
        return raster.read()


@pytest.mark.parametrize('name, options', [
    ('plain', {}), ('plain', dict(views='turns', tile=96)), ('plain', dict(gsd=0.5, tile=128, batch_size=2)),
    ('fine', dict(tile=96)),
])  # fmt: skip
def test_the_map_is_that_of_the_checkpoint(models, scene, tmp_path, name, options):
    checkpoint, exported = models[name]
    given = dict(probabilities='float32', report=lambda line: None, **options)
    predict_rasters(init_model(checkpoint, device='cpu'), [scene], tmp_path / 'torch', **given)
    predict_by_onnx(exported, [scene], tmp_path / 'onnx', **given)
    assert_same_maps(tmp_path)
    for name in ('a.tif', 'a.tif.aux.xml'):
        assert (tmp_path / 'onnx' / name).is_file()
    with rasterio.open(tmp_path / 'onnx' / 'a.tif') as one, rasterio.open(tmp_path / 'torch' / 'a.tif') as other:
        assert (one.profile, one.colormap(1)) == (other.profile, other.colormap(1))


def test_the_tool_needs_no_torch(models, scene, tmp_path):
    predict_by_onnx(models['plain'][1], [scene], tmp_path / 'here', report=lambda line: None)
    command = [sys.executable, '-c', BLOCKED, ROOT / 'tools' / 'predict.py', models['plain'][1], scene]
    done = subprocess.run([*map(str, command), '--out', str(tmp_path / 'there')], capture_output=True, text=True,
                          cwd=ROOT, timeout=120)  # fmt: skip
    assert done.returncode == 0, done.stderr
    np.testing.assert_array_equal(read(tmp_path / 'here' / 'a.tif'), read(tmp_path / 'there' / 'a.tif'))
    wrong = subprocess.run(
        [*map(str, command[:-1]), 'gone.tif', '--out', 'x'], capture_output=True, text=True, cwd=ROOT
    )
    assert wrong.returncode == 2 and wrong.stderr.startswith('error: the raster gone.tif was not found')


def test_what_does_not_fit_is_one_line(models, scene, tmp_path, write_raster):
    exported = models['plain'][1]
    write_raster(tmp_path / 'two' / 'b.tif', np.zeros((64, 64, 2), np.uint16), gsd=0.25)
    write_raster(tmp_path / 'byte' / 'b.tif', np.zeros((64, 64, 3), np.uint8), gsd=1e5)
    bare = tmp_path / 'bare.onnx'
    model = onnx.load(exported)
    del model.metadata_props[:]
    onnx.save(model, bare)
    broken = tmp_path / 'broken.onnx'
    broken.write_bytes(exported.read_bytes()[:2000])
    for arguments, line in (
        ((exported, [tmp_path / 'two']), 'b.tif has 2 band'),
        ((exported, [tmp_path / 'byte'], tmp_path / 'out', 1e5), 'would become'),
        ((bare, [scene]), 'has no model card'),
        ((broken, [scene]), 'cannot be read as ONNX'),
        ((tmp_path / 'gone.onnx', [scene]), 'gone.onnx was not found'),
    ):
        arguments = (*arguments, *[tmp_path / 'out'][len(arguments) - 2 :])
        with pytest.raises((UserError, FileNotFoundError), match=line):
            predict_by_onnx(*arguments, report=lambda line: None)
    assert not (tmp_path / 'out').exists()


def test_a_map_over_the_images_is_refused(models, scene):
    with pytest.raises(UserError, match='output folder too'):
        predict_by_onnx(models['plain'][1], [scene], scene, report=lambda line: None)


def sliding(segmentor, **more):
    """A segmentor that slides a window of 48 px by 32 px."""
    return dict(segmentor, test_cfg=dict(mode='slide', crop_size=[48, 40], stride=[32, 24]), **more)


PSP = dict(type='PSPHead', in_channels=4, in_index=0, channels=4, pool_scales=[1, 2, 3], num_classes=3, out_channels=3,
           norm_cfg=NORM, align_corners=False)  # fmt: skip
ALIGNED = dict(SEGMENTOR, decode_head=dict(SEGMENTOR['decode_head'], align_corners=True))
KINDS = dict(
    deepness=(SEGMENTOR, 'deepness', {}),
    hrda=(HRDA_SEGMENTOR, 'onnx', {}),
    psp=(dict(SEGMENTOR, decode_head=PSP), 'onnx', {}),
    sliding=(sliding(SEGMENTOR), 'onnx', {}),
    sliding_super_resolution=(sliding(SUPER_RESOLUTION), 'onnx', dict(tile=96)),
    sliding_of_one_size=(sliding(SEGMENTOR), 'deepness', dict(tile=64)),
    aligned=(ALIGNED, 'onnx', {}),
)


@pytest.fixture(scope='module')
def exported(tmp_path_factory):
    """The checkpoint and the ONNX file of a kind."""

    @cache
    def export(name):
        folder, (segmentor, kind, _) = tmp_path_factory.mktemp(name), KINDS[name]
        checkpoint = written(folder / 'model.pth', build(segmentor), segmentor=segmentor, input__tile=128)
        export_model(checkpoint, folder / 'exported', [kind], report=lambda line: None)
        return checkpoint, next((folder / 'exported').glob('*.onnx'))

    return export


SLOW = ('psp', 'sliding_super_resolution')  # to export
CASES = [pytest.param(name, {}, marks=[pytest.mark.slow] * (name in SLOW), id=name) for name in KINDS]
CASES.append(pytest.param('hrda', dict(views='turns', batch_size=3), id='hrda_turned'))


@pytest.mark.parametrize('name, more', CASES)
def test_files_of_one_size_and_segmentors_that_slide_make_the_map_of_the_checkpoint(
    exported, scene, tmp_path, monkeypatch, name, more
):
    """Windows of 64 px of the network are 128 px of the raster, whose sides are no multiple of anything."""
    segmentor, kind, options = KINDS[name]
    checkpoint, path = exported(name)
    fixed = OnnxModel(path).fixed
    assert (fixed is None) == (kind == 'onnx' and 'PSP' not in str(segmentor) and segmentor['type'] != 'HRDA')
    if fixed is not None:  # the same windows
        monkeypatch.setattr(mapping, 'make_map', partial(mapping.make_map, exact=True))
    given = dict(probabilities='float32', report=lambda line: None, **options, **more)
    predict_rasters(init_model(checkpoint, device='cpu'), [scene], tmp_path / 'torch', **{'tile': 128, **given})
    predict_by_onnx(path, [scene], tmp_path / 'onnx', **given)
    assert_same_maps(tmp_path)


def test_what_is_smaller_than_the_size_of_the_file_is_filled_up(exported, tmp_path, write_raster):
    image = np.random.default_rng(1).integers(100, 2500, (96, 64, 3)).astype(np.uint16)
    write_raster(tmp_path / 'small' / 'b.tif', image, gsd=0.25)
    checkpoint, path = exported('deepness')
    predict_rasters(init_model(checkpoint, device='cpu'), [tmp_path / 'small'], tmp_path / 'torch', report=print)
    predict_by_onnx(path, [tmp_path / 'small'], tmp_path / 'onnx', report=print)
    ours, theirs = (read(tmp_path / kind / 'b.tif')[0] for kind in ('onnx', 'torch'))
    # Near the border a network sees zeros beyond it, once before its first layer, once in each layer.
    assert (ours[:60, :30] != theirs[:60, :30]).mean() < 2e-3
    assert ours.shape == theirs.shape == (96, 64)


def test_windows_that_the_file_does_not_take_are_refused(exported, scene, tmp_path):
    _, path = exported('deepness')
    with pytest.raises(UserError, match=r'takes images of 64 x 64 px.*tile=200 px of .*a.tif.* at most 128$'):
        predict_by_onnx(path, [scene], tmp_path / 'out', tile=200, report=lambda line: None)
    assert not (tmp_path / 'out').exists()


def test_two_jobs_do_not_make_one_map(models, scene, tmp_path, monkeypatch):
    predict, refused = OnnxNetwork.predict, []

    def predict_twice(self, samples):
        if not refused:
            refused.append(None)
            with pytest.raises(
                UserError, match=r'out/a.tif is being predicted by process \d+ .*; wait for it'
            ) as error:
                predict_by_onnx(models['plain'][1], [scene], tmp_path / 'out', report=lambda line: None)
            refused[0] = error.value
        return predict(self, samples)

    monkeypatch.setattr(OnnxNetwork, 'predict', predict_twice)
    predict_by_onnx(models['plain'][1], [scene], tmp_path / 'out', report=lambda line: None)
    assert isinstance(refused[0], UserError)
    assert sorted(path.name for path in (tmp_path / 'out').iterdir()) == ['a.qml', 'a.tif', 'a.tif.aux.xml']
