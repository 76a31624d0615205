"""Wrong inputs of the commands that make and judge maps: one line each, and nothing under the final name.

Each case spoils one thing that is fine otherwise, for each command that reads or writes it.
"""

import json
import resource

import numpy as np
import onnx
import pytest
import rasterio
import torch

from mmuda.apis import export_model
from mmuda.checkpoints.card import CARD, card_text
from tests.helpers.cards import build, example, write_with, written
from tests.helpers.maps import UTM, write_map
from tests.helpers.wrong_inputs import run, the_line

CONFIG = """
default_scope = 'mmuda'
model = dict(
    type='DomainAdaptation',
    segmentor=dict(
        type='EncoderDecoder',
        backbone=dict(type='ResNet', depth=18, num_stages=1, strides=[1], dilations=[1], out_indices=[0],
                      base_channels=4, norm_cfg=dict(type='BN')),
        decode_head=dict(type='FCNHead', in_channels=4, in_index=0, channels=4, num_convs=1, concat_input=False,
                         norm_cfg=dict(type='BN'), align_corners=False),
        test_cfg=dict(mode='whole')))
test_dataloader = dict(dataset=dict(
    type='RasterDataset', data_root='.', data_prefix=dict(img_path='images'), labelled=False, bands=[3, 2, 1],
    value_range=(200, 2200), metainfo=dict(classes={classes}), pipeline=[dict(type='LoadRasterWindow'),
                                                                      dict(type='PackUDAInputs')]))
"""
NAMES = ('ground', 'low vegetation', 'roof')


@pytest.fixture(scope='module')
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp('models')
    checkpoint = written(folder / 'model.pth', build())
    saved = torch.load(checkpoint, weights_only=True)
    saved['meta']['dataset_meta'] = dict(classes=NAMES)  # as a training writes it
    torch.save(saved, checkpoint)
    export_model(checkpoint, folder, ['onnx'], report=lambda line: None)
    return dict(checkpoint=checkpoint, onnx=folder / 'segmentor.onnx')


@pytest.fixture
def place(tmp_path, monkeypatch, write_raster):
    """A folder with good rasters: images of 16 bits, a map, and a truth."""
    monkeypatch.chdir(tmp_path)
    image = np.random.default_rng(0).integers(100, 2500, (170, 230, 4)).astype(np.uint16)
    write_raster(tmp_path / 'images' / 'a.tif', image, gsd=0.25)
    values = np.random.default_rng(1).integers(0, 3, (170, 230)).astype(np.uint8)
    for name in ('map', 'truth'):
        write_map(tmp_path / f'{name}.tif', values, names=NAMES, nodata=255, **UTM)
    return tmp_path


def state(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob('*') if path.is_file()}


def refused(tool, arguments, monkeypatch, capsys) -> str:
    """The line with which a command ends."""
    with pytest.raises(SystemExit) as ended:
        run(tool, arguments, monkeypatch)
    assert ended.value.code == 2
    return the_line(capsys.readouterr().err)


def two_bands(folder, write_raster):
    write_raster(folder / 'images' / 'a.tif', np.ones((64, 64, 2), np.uint16), gsd=0.25)


def complex_numbers(folder, write_raster):
    write_raster(folder / 'images' / 'a.tif', np.ones((64, 64, 4), np.complex64), gsd=0.25)


def no_raster(folder, write_raster):
    (folder / 'images' / 'a.tif').write_text('no raster')


def truncated(folder, write_raster):
    path = folder / 'images' / 'a.tif'
    path.write_bytes(path.read_bytes()[:20_000])


OF_IMAGES = dict(
    bands=(two_bands, 'a.tif has 2 band'),
    dtype=(complex_numbers, 'a.tif is complex64'),
    text=(no_raster, 'a.tif cannot be read as a raster'),
    truncated=(truncated, 'a.tif'),
)


@pytest.mark.parametrize('kind', ['checkpoint', 'onnx'])
@pytest.mark.parametrize('case', OF_IMAGES)
def test_images_that_do_not_fit(place, models, write_raster, monkeypatch, capsys, kind, case):
    spoil, told = OF_IMAGES[case]
    spoil(place, write_raster)
    before = state(place)
    assert told in refused('predict', [models[kind], 'images', '--out', 'maps'], monkeypatch, capsys)
    assert not (place / 'maps' / 'a.tif').exists()
    assert state(place) == before


@pytest.mark.parametrize('kind', ['checkpoint', 'onnx'])
def test_an_image_without_projection_needs_its_pixel_size_if_the_model_has_one(
    place, tmp_path, write_raster, monkeypatch, capsys, kind
):
    checkpoint = written(place / 'model.pth', build(), input__raster_gsd=None)
    export_model(checkpoint, place, ['onnx'], report=lambda line: None)
    model = checkpoint if kind == 'checkpoint' else place / 'segmentor.onnx'
    image = np.random.default_rng(0).integers(100, 2500, (64, 64, 4)).astype(np.uint16)
    write_raster(place / 'images' / 'a.tif', image, gsd=None)
    line = refused('predict', [model, 'images', '--out', 'maps'], monkeypatch, capsys)
    assert 'the ground sample distance of' in line and 'gsd' in line and not (place / 'maps').exists()
    run('predict', [model, 'images', '--out', 'maps', '--gsd', '0.25'], monkeypatch)
    assert (place / 'maps' / 'a.tif').is_file()


def commands(models, out) -> dict:
    """Each command with what it writes to ``out``."""
    return dict(
        predict=('predict', [models['checkpoint'], 'images', '--out', out]),
        predict_onnx=('predict', [models['onnx'], 'images', '--out', out]),
        polygonize=('polygonize', ['map.tif', '--out', f'{out}/map.gpkg']),
        evaluate_map=('evaluate_map', ['map.tif', 'truth.tif', '--out', out]),
        export=('export', [models['checkpoint'], '--format', 'safetensors', '--out', out]),
        export_onnx=('export', [models['checkpoint'], '--format', 'onnx', '--out', out]),
    )


COMMANDS = ('predict', 'predict_onnx', 'polygonize', 'evaluate_map', 'export', 'export_onnx')


@pytest.mark.parametrize('command', COMMANDS)
def test_an_output_below_a_file(place, models, monkeypatch, capsys, command):
    (place / 'file').write_text('a file')
    before = state(place)
    line = refused(*commands(models, 'file/out')[command], monkeypatch, capsys)
    assert 'file' in line and ('cannot be written' in line or 'is a file' in line or 'no folder' in line), line
    assert state(place) == before


# What evaluate_map writes is smaller than the second size.
FULL = [
    (command, size) for command in COMMANDS for size in (1000, 20_000) if (command, size) != ('evaluate_map', 20_000)
]


@pytest.mark.parametrize('command, size', FULL)
def test_a_disk_that_is_full_in_the_middle(place, models, monkeypatch, capsys, command, size):
    """Files cannot grow beyond a size; the system refuses it as on a full disk."""
    before = state(place)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        line = refused(*commands(models, 'out')[command], monkeypatch, capsys)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert 'cannot be written' in line, line
    left = state(place).keys() - before.keys()
    assert all(name.split('/')[1].startswith('.') for name in left), left  # strips, from which the next attempt goes on


def three_bands(path):
    with rasterio.open(path, 'w', driver='GTiff', height=170, width=230, count=3, dtype='uint8', **UTM) as raster:
        raster.write(np.random.default_rng(0).integers(0, 255, (3, 170, 230)).astype(np.uint8))


def complex_map(path):
    write_map(path, np.ones((170, 230), np.complex64), **UTM)


def halves(path):
    write_map(path, np.full((170, 230), 0.5, np.float32), **UTM)


OF_MAPS = dict(
    bands=(three_bands, 'map.tif has 3 bands'),
    complex=(complex_map, 'map.tif'),
    halves=(halves, 'map.tif'),
    text=(lambda path: path.write_text('no raster'), 'map.tif cannot be read as a raster'),
    gone=(lambda path: path.unlink(), 'map.tif does not exist'),
)


@pytest.mark.parametrize('command', ['polygonize', 'evaluate_map'])
@pytest.mark.parametrize('case', OF_MAPS)
def test_maps_that_are_none(place, models, monkeypatch, capsys, command, case):
    spoil, told = OF_MAPS[case]
    (place / 'map.tif.aux.xml').unlink()
    spoil(place / 'map.tif')
    before = state(place)
    line = refused(*commands(models, 'out')[command], monkeypatch, capsys)
    assert told in line, line
    assert state(place) == before


@pytest.mark.filterwarnings('ignore::rasterio.errors.NotGeoreferencedWarning')
def test_maps_without_projection_are_taken_in_pixels(place, models, monkeypatch, capsys):
    values = np.random.default_rng(1).integers(0, 3, (170, 230)).astype(np.uint8)
    for name in ('map', 'truth'):
        write_map(place / f'{name}.tif', values, names=NAMES)
    for command in ('polygonize', 'evaluate_map'):
        run(*commands(models, f'out_{command}')[command], monkeypatch)
        told = capsys.readouterr().out
        assert 'no georeference' in told or 'px' in told or 'pixels' in told, told


@pytest.mark.parametrize('command, out', [
    ('predict', 'images'), ('predict_onnx', 'images'),
])  # fmt: skip
def test_an_output_that_is_an_input(place, models, monkeypatch, capsys, command, out):
    before = state(place)
    line = refused(*commands(models, out)[command], monkeypatch, capsys)
    assert 'output folder' in line or 'read as an input' in line, line
    assert state(place) == before


@pytest.mark.parametrize('tool, arguments', [
    ('polygonize', ['map.tif', '--out', 'same.gpkg']), ('evaluate_map', ['map.tif', 'truth.json', '--out', '.']),
    ('export', ['segmentor.safetensors', '--format', 'safetensors', '--out', '.']),
    ('export', ['segmentor.onnx', '--format', 'onnx', '--out', '.']),
])  # fmt: skip
def test_a_file_that_is_an_input(place, models, monkeypatch, capsys, tool, arguments):
    (place / 'same.gpkg').symlink_to(place / 'map.tif')
    (place / 'truth.json').symlink_to(place / 'truth.tif')
    (place / 'metrics.json').symlink_to(place / 'truth.tif')
    export_model(models['checkpoint'], place, ['safetensors'], report=lambda line: None)
    (place / 'segmentor.onnx').write_bytes(models['checkpoint'].read_bytes())
    before = state(place)
    line = refused(tool, arguments, monkeypatch, capsys)
    assert 'read as an input' in line, line
    assert state(place) == before


CARDS = dict(
    half=lambda text: text[: len(text) // 2],
    no_object=lambda text: '[]',
    no_classes=lambda text: json.dumps({**json.loads(text), 'classes': []}),
    no_statistics=lambda text: json.dumps({**json.loads(text), 'input': {}}),
    later=lambda text: json.dumps({**json.loads(text), 'schema': 99}),
)


@pytest.mark.parametrize('command', ['predict', 'predict_onnx', 'export'])
@pytest.mark.parametrize('case', CARDS)
def test_a_damaged_card(place, models, monkeypatch, capsys, command, case):
    model = onnx.load(models['onnx'])
    (entry,) = (entry for entry in model.metadata_props if entry.key == CARD)
    entry.value = CARDS[case](entry.value)
    onnx.save(model, place / 'model.onnx')
    write_with(place / 'model.pth', CARDS[case](card_text(example())), build())
    own = dict(checkpoint=place / 'model.pth', onnx=place / 'model.onnx')
    before = state(place)
    line = refused(*commands(own, 'out')[command], monkeypatch, capsys)
    assert f'model.{"onnx" if "onnx" in command else "pth"}' in line and 'card' in line, line
    assert state(place) == before


@pytest.mark.parametrize('command', ['predict', 'export'])
@pytest.mark.parametrize('classes', [('ground', 'roof'), ('water', 'road', 'car')])
def test_a_checkpoint_of_other_classes_than_the_config(place, models, monkeypatch, capsys, command, classes):
    (place / 'config.py').write_text(CONFIG.format(classes=classes))
    before = state(place)
    tool, (checkpoint, *arguments) = commands(models, 'out')[command]
    line = refused(tool, ['config.py', checkpoint, *arguments], monkeypatch, capsys)
    assert 'model.pth' in line and 'class' in line, line
    assert state(place) == before


def test_a_config_of_the_same_classes_predicts(place, models, monkeypatch):
    (place / 'config.py').write_text(CONFIG.format(classes=NAMES))
    run('predict', ['config.py', models['checkpoint'], 'images', '--out', 'maps'], monkeypatch)
    assert (place / 'maps' / 'a.tif').is_file()


def test_weights_alone_are_no_map(place, monkeypatch, capsys):
    torch.save(build().state_dict(), place / 'bare.pth')
    line = refused('predict', ['bare.pth', 'images', '--out', 'maps'], monkeypatch, capsys)
    assert 'bare.pth' in line and 'config' in line
