"""An ONNX file makes the map of the checkpoint that it was exported from, where torch is not installed."""

import shutil
import subprocess
import sys

import numpy as np
import onnx
import pytest
import rasterio

from mmuda.apis import UserError, export_model, init_model, predict_rasters
from mmuda.maps import predict_by_onnx
from tests.helpers import ROOT
from tests.helpers.cards import SEGMENTOR, SUPER_RESOLUTION, build, written

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
    ours, theirs = (read(tmp_path / kind / 'a_probabilities.tif') for kind in ('onnx', 'torch'))
    np.testing.assert_allclose(ours, theirs, atol=2e-4)
    ours, theirs = (read(tmp_path / kind / 'a.tif') for kind in ('onnx', 'torch'))
    np.testing.assert_array_equal(ours == 255, theirs == 255)
    assert (ours != theirs).mean() < 1e-3 and len(np.unique(ours)) > 2
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


def test_a_model_of_one_size_is_refused(models, scene, tmp_path):
    export_model(models['plain'][0], tmp_path / 'deepness', ['deepness'], report=lambda line: None)
    path = next((tmp_path / 'deepness').glob('*.onnx'))
    shutil.copy(path, tmp_path / 'one_size.onnx')
    with pytest.raises(UserError, match='one_size.onnx takes images of one size only'):
        predict_by_onnx(tmp_path / 'one_size.onnx', [scene], tmp_path / 'out', report=lambda line: None)
