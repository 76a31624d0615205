"""What an export writes is read back by the libraries that others use, and predicts what the checkpoint does."""

import json
import subprocess
import sys

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from safetensors import safe_open

from mmuda.apis import UserError, export_model, export_onnx, init_model, prepare
from mmuda.apis.onnx_metadata import deepness_metadata, network_tile
from mmuda.checkpoints.card import card_from_text
from mmuda.registry import MODELS
from tests.helpers import ROOT
from tests.helpers.cards import HRDA_SEGMENTOR, SEGMENTOR, SUPER_RESOLUTION, build, example, write_with, written


def metadata_of(path):
    return {entry.key: entry.value for entry in onnx.load(path).metadata_props}


def scores_of(path, image):
    session = onnxruntime.InferenceSession(path, providers=['CPUExecutionProvider'])
    return session.run(None, {session.get_inputs()[0].name: image})[0]


def noise(*shape):
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


@pytest.fixture(scope='module')
def exported(tmp_path_factory):
    """All formats of a segmentor that gets blue, green, red; with what was said."""
    folder = tmp_path_factory.mktemp('exported')
    preprocessor = dict(example()['preprocessor'], rgb_to_bgr=True)
    statistics = dict(input__mean=[80.0, 90.0, 100.0], input__std=[30.0, 40.0, 50.0], input__reversed=True)
    checkpoint = written(folder / 'm.pth', preprocessor=preprocessor, **statistics)
    told = []
    files = export_model(checkpoint, folder / 'out', ['stac', 'deepness', 'onnx', 'safetensors'], report=told.append)
    return folder, files, told


def test_safetensors_are_the_segmentor_alone_with_its_card(exported):
    folder, *_ = exported
    path = folder / 'out' / 'segmentor.safetensors'
    with safe_open(path, framework='np') as file:
        names, metadata = set(file.keys()), file.metadata()
        weights = file.get_tensor('backbone.conv1.weight')
    network = build()
    assert names == set(network.state_dict())
    assert np.array_equal(weights, network.backbone.conv1.weight.detach().numpy())
    card = card_from_text(metadata['mmuda_card'], path)
    assert card == json.loads((folder / 'out' / 'card.json').read_text())
    assert card['classes'] == example()['classes']
    model = init_model(path, device='cpu')
    assert model.dataset_meta['palette'] == example()['palette']
    image = torch.from_numpy(noise(2, 3, 40, 56))
    with torch.no_grad():
        assert torch.equal(model.segmentor(image), network(image))


def by_hand(image):
    """Scores of images in the order of the bands: turned around, predicted by mmseg's way, less the smallest."""
    turned = torch.from_numpy(image[:, ::-1].copy())
    meta = dict(img_shape=image.shape[-2:], ori_shape=image.shape[-2:], domain='target')
    with torch.no_grad():
        logits = build().encode_decode(turned, [meta] * len(image)).numpy()
    return logits - logits.min(1, keepdims=True)


@pytest.mark.parametrize('shape', [(1, 3, 40, 56), (3, 3, 129, 65), (2, 3, 64, 64)])
def test_onnx_gives_the_scores_of_torch_at_any_size(exported, shape):
    image = noise(*shape)
    found, expected = scores_of(exported[0] / 'out' / 'segmentor.onnx', image), by_hand(image)
    assert found.shape == expected.shape == (shape[0], 3, *shape[2:])
    assert np.abs(found - expected).max() < 1e-4 * expected.max()
    assert found.min() == 0 and len(np.unique(found.argmax(1))) == 3
    # What Deepness does with them: everything below its threshold is 0, then the largest counts.
    assert np.array_equal(np.where(found < 0, 0, found).argmax(1), expected.argmax(1))


def test_onnx_says_what_deepness_parses(exported):
    """Read as Deepness 0.7 reads them: every value is JSON, class numbers are texts without gaps."""
    folder, _, told = exported
    for name in ('segmentor.onnx', 'segmentor_deepness.onnx'):
        values = {key: json.loads(text) for key, text in metadata_of(folder / 'out' / name).items()}
        assert values['model_type'].capitalize() == 'Segmentor'
        names = sorted(values['class_names'].items(), key=lambda pair: int(pair[0]))
        assert [int(key) for key, _ in names] == [0, 1, 2] and [name for _, name in names] == example()['classes']
        assert float(values['resolution']) == 50.0  # centimetres
        assert int(values['tile_size']) == int(values['tiles_size']) == 256  # 512 px at 0.25 m are 256 px at 0.5 m
        assert int(values['tiles_overlap']) == 25 and float(values['seg_thresh']) == 0
        # A pixel of the raster, by the card's way and by Deepness's.
        raster = np.array([700.0, 800.0, 900.0])
        by_card = ((raster - 200) / 2000 * 255 - [80, 90, 100]) / [30, 40, 50]
        by_deepness = (raster / 255 - values['standardization_mean']) / values['standardization_std']
        assert np.allclose(by_card, by_deepness)
        assert card_from_text(json.dumps(values['mmuda_card']), name)['onnx']['opset'] == 18
    assert sum('differs from torch by at most' in line for line in told) == 2


def test_deepness_gets_one_square_size(exported):
    path = exported[0] / 'out' / 'segmentor_deepness.onnx'
    session = onnxruntime.InferenceSession(path, providers=['CPUExecutionProvider'])
    assert session.get_inputs()[0].shape == ['batch', 3, 256, 256]
    assert session.get_outputs()[0].shape == ['batch', 3, 256, 256]
    free = onnxruntime.InferenceSession(exported[0] / 'out' / 'segmentor.onnx', providers=['CPUExecutionProvider'])
    assert free.get_inputs()[0].shape == ['batch', 3, 'height', 'width']
    assert free.get_outputs()[0].shape == ['batch', 3, 'height', 'width']


def test_onnx_holds_no_trace_of_the_machine(exported):
    content = (exported[0] / 'out' / 'segmentor.onnx').read_bytes()
    assert str(ROOT).encode() not in content and b'site-packages' not in content and b'stack_trace' not in content


REQUIRED_OF_ITEM = ('type', 'stac_version', 'id', 'geometry', 'properties', 'links', 'assets')
MLM = 'https://stac-extensions.github.io/mlm/v1.4.0/schema.json'
REQUIRED_OF_MLM = ('mlm:name', 'mlm:architecture', 'mlm:tasks', 'mlm:input', 'mlm:output')


def test_the_stac_item_has_what_stac_and_mlm_require(exported):
    folder = exported[0] / 'out'
    item = json.loads((folder / 'item.json').read_text())
    properties = item['properties']
    assert all(key in item for key in REQUIRED_OF_ITEM) and item['type'] == 'Feature' and MLM in item['stac_extensions']
    assert all(key in properties for key in (*REQUIRED_OF_MLM, 'datetime'))
    assert 'bbox' not in item  # it is required with a geometry, and forbidden without
    (given,), (out,) = properties['mlm:input'], properties['mlm:output']
    assert all(key in given for key in ('name', 'bands', 'input')) and all(
        key in out for key in ('name', 'tasks', 'result')
    )
    for structure in (given['input'], out['result']):
        assert len(structure['shape']) == len(structure['dim_order']) == 4 and structure['data_type'] == 'float32'
    assert given['bands'] == ['red', 'green', 'blue'] == [band['name'] for band in properties['bands']]
    raster, scaling = np.array([700.0, 800.0, 900.0]), given['value_scaling']
    by_item = [(value - one['mean']) / one['stddev'] for value, one in zip(raster, scaling, strict=True)]
    assert np.allclose(by_item, ((raster - 200) / 2000 * 255 - [80, 90, 100]) / [30, 40, 50])
    classes = out['classification:classes']
    assert [(one['value'], one['title']) for one in classes] == list(enumerate(example()['classes']))
    assert [one['color_hint'] for one in classes] == ['000000', '00FF00', 'FF0000'] and ' ' not in classes[1]['name']
    assert properties['mlm:total_parameters'] == sum(p.numel() for p in build().parameters())
    for asset in item['assets'].values():
        assert 'mlm:model' in asset['roles'] and asset['mlm:artifact_type']
        assert (folder / asset['href']).stat().st_size == asset['file:size']
    assert len(item['assets']) == 3
    allowed = {'mlm:framework', 'mlm:framework_version', 'mlm:total_parameters', 'mlm:accelerator', *REQUIRED_OF_MLM}
    assert {key for key in properties if key.startswith('mlm:')} <= allowed


def test_stac_alone_links_the_checkpoint(tmp_path):
    (path,) = export_model(written(tmp_path / 'm.pth'), tmp_path / 'out', ['stac'])
    (asset,) = json.loads(path.read_text())['assets'].values()
    assert asset['href'] == '../m.pth' and 'mlm:checkpoint' in asset['roles']


def test_plain_mmseg_is_exported_from_the_card(tmp_path):
    card = example(input__bands=[1, 2, 3], input__value_range=None)
    files = export_model(write_with(tmp_path / 'm.pth', card), tmp_path / 'out', ['mmseg'])
    assert [path.name for path in files] == ['segmentor.py', 'segmentor.pth']
    text = files[0].read_text()
    assert text.startswith('# Images: 0.5 m per pixel.') and '100.0' in text


def test_another_domain_has_its_own_statistics(tmp_path):
    streams = dict(source=dict(mean=[1.0, 2.0, 3.0], std=[4.0, 5.0, 6.0]))
    checkpoint = written(tmp_path / 'm.pth', preprocessor=dict(example()['preprocessor'], streams=streams))
    path, _ = export_model(checkpoint, tmp_path / 'out', ['safetensors'], domain='source')
    model = init_model(path, device='cpu')
    assert model.data_preprocessor.default_domain == 'source'
    with safe_open(path, framework='np') as file:
        card = card_from_text(file.metadata()['mmuda_card'], path)
    assert (card['input']['mean'], card['input']['std']) == ([1.0, 2.0, 3.0], [4.0, 5.0, 6.0])
    with pytest.raises(UserError, match='--domain moon: .* statistics of source and a default'):
        export_model(checkpoint, tmp_path / 'other', ['safetensors'], domain='moon')


def test_the_teacher_is_exported_where_it_predicts(tmp_path):
    checkpoint = written(tmp_path / 'm.pth', predicts_with='teacher')
    loaded = torch.load(checkpoint, weights_only=True)
    student = dict(loaded['state_dict'])
    teacher = {f'teacher.module.{name.removeprefix("segmentor.")}': value + 1 for name, value in student.items()}
    torch.save(dict(loaded, state_dict=student | teacher | {'teacher.steps': torch.tensor(3)}), checkpoint)
    path, _ = export_model(checkpoint, tmp_path / 'out', ['safetensors'])
    with safe_open(path, framework='pt') as file:
        weight = file.get_tensor('backbone.conv1.weight')
        assert card_from_text(file.metadata()['mmuda_card'], path)['predicts_with'] == 'segmentor'
    assert torch.equal(weight, student['segmentor.backbone.conv1.weight'] + 1)
    assert torch.equal(init_model(path, device='cpu').segmentor.backbone.conv1.weight, weight)


def test_a_checkpoint_without_a_card_gets_one_by_its_config(tiny, tmp_path):
    cfg = tiny()
    state = MODELS.build(prepare(cfg).model).state_dict()
    torch.save(dict(state_dict=state, meta=dict(dataset_meta=dict(classes=('dark', 'bright')))), tmp_path / 'old.pth')
    path, card = export_model(tmp_path / 'old.pth', tmp_path / 'out', ['safetensors'], config=cfg)
    assert json.loads(card.read_text())['method']['terms'] == dict(output='AdversarialAlignment')
    model = init_model(path, device='cpu')
    assert torch.equal(model.segmentor.backbone.conv1.weight, state['segmentor.backbone.conv1.weight'])
    torch.save(dict(state_dict=state), tmp_path / 'bare.pth')
    with pytest.raises(UserError, match='neither the checkpoint nor the test set of .*tiny.py names the classes'):
        export_model(tmp_path / 'bare.pth', tmp_path / 'other', ['safetensors'], config=cfg)


def test_a_segmentor_with_one_channel_gives_scores_of_two_classes(tmp_path):
    head = dict(SEGMENTOR['decode_head'], num_classes=2, out_channels=1, threshold=0.3,
                loss_decode=dict(type='CrossEntropyLoss', use_sigmoid=True))  # fmt: skip
    segmentor = dict(SEGMENTOR, decode_head=head)
    network = build(segmentor)
    checkpoint = written(tmp_path / 'm.pth', network, segmentor=segmentor, classes=['no', 'yes'], palette=None)
    (path,) = export_model(checkpoint, tmp_path / 'out', ['onnx'])
    image = noise(1, 3, 48, 48)
    with torch.no_grad():
        logits = network.encode_decode(torch.from_numpy(image), [dict(img_shape=(48, 48))])
    scores = scores_of(path, image)
    assert scores.shape == (1, 2, 48, 48)
    assert np.array_equal(scores.argmax(1), (logits.sigmoid() > 0.3)[:, 0].numpy())


def test_a_segmentor_that_super_resolves_gives_finer_scores(tmp_path):
    network = build(SUPER_RESOLUTION)
    checkpoint = written(tmp_path / 'm.pth', network, segmentor=SUPER_RESOLUTION)
    told = []
    finer, same = export_model(checkpoint, tmp_path / 'out', ['onnx', 'deepness'], report=told.append)
    image = noise(1, 3, 64, 96)
    with torch.no_grad():
        # As a test predicts on a raster of twice the resolution.
        expected = network.inference(torch.from_numpy(image), [dict(ori_shape=(128, 192))])[0]
    expected = (expected - expected.amin(0)).numpy()
    found = scores_of(finer, image)[0]
    assert found.shape == (3, 128, 192) and np.abs(found - expected).max() < 1e-4 * max(1, expected.max())
    assert json.loads(metadata_of(finer)['mmuda_card'])['onnx']['scale'] == 2
    session = onnxruntime.InferenceSession(same, providers=['CPUExecutionProvider'])
    assert session.get_inputs()[0].shape[2:] == session.get_outputs()[0].shape[2:] == [256, 256]
    assert any('2 times finer than the image' in line for line in told)


def test_hrda_is_exported_for_one_size_and_says_so(tmp_path):
    network = build(HRDA_SEGMENTOR)
    checkpoint = written(tmp_path / 'm.pth', network, segmentor=HRDA_SEGMENTOR)
    told = []
    (path,) = export_model(checkpoint, tmp_path / 'out', ['onnx'], report=told.append)
    image = noise(1, 3, 64, 64)
    with torch.no_grad():
        expected = network.prediction(torch.from_numpy(image)).numpy()
    found = scores_of(path, image)
    assert np.abs(found - (expected - expected.min(1, keepdims=True))).max() < 1e-4 * max(1, np.abs(expected).max())
    assert 'HRDA cannot be written as ONNX for any size' in told[0] and '64 x 64 px' in told[0]
    assert json.loads(metadata_of(path)['mmuda_card'])['onnx']['fixed'] == [1, 64, 64]


def test_a_network_that_pools_by_parts_of_the_image_is_fixed(tmp_path):
    """Adaptive pooling to a size above one has no ONNX for an unknown size of the image."""
    head = dict(SEGMENTOR['decode_head'], type='PSPHead', pool_scales=[1, 2, 3])
    head = {key: value for key, value in head.items() if key not in ('num_convs', 'concat_input')}
    segmentor = dict(SEGMENTOR, decode_head=head)
    network = build(segmentor)
    checkpoint = written(tmp_path / 'm.pth', network, segmentor=segmentor, input__tile=128)
    told = []
    (path,) = export_model(checkpoint, tmp_path / 'out', ['onnx'], report=told.append)
    image = noise(1, 3, 64, 64)
    with torch.no_grad():
        expected = network.encode_decode(torch.from_numpy(image), [dict(img_shape=(64, 64))]).numpy()
    found = scores_of(path, image)
    assert np.abs(found - (expected - expected.min(1, keepdims=True))).max() < 1e-4 * max(1, np.abs(expected).max())
    assert 'cannot be written as ONNX for any size' in told[0] and '64 x 64 px' in told[0]


def test_a_file_that_differs_from_torch_is_not_kept(tmp_path, monkeypatch):
    original = export_onnx.Scores.predicted
    monkeypatch.setattr(export_onnx.Scores, 'predicted', lambda self, image: original(self, image) + 0.01)
    with pytest.raises(UserError, match=r'differs from torch by 1\.0e-02 at 256 x 256 px, where 1e-04 is allowed'):
        export_model(written(tmp_path / 'm.pth'), tmp_path / 'out', ['onnx'])
    assert not (tmp_path / 'out').exists()


def test_what_cannot_be_exported_is_told(tmp_path):
    with pytest.raises(UserError, match='old.pth has no model card'):
        export_model(write_with(tmp_path / 'old.pth', None), tmp_path / 'out', ['onnx'])
    with pytest.raises(UserError, match='give a list of some of mmseg, safetensors, onnx, deepness, stac'):
        export_model(written(tmp_path / 'm.pth'), tmp_path / 'out', ['tensorflow'])
    with pytest.raises(UserError, match='is no file of weights by its suffix'):
        export_model(written(tmp_path / 'm.bin'), tmp_path / 'out', ['onnx'])
    checkpoint = written(tmp_path / 'segmentor.pth')
    with pytest.raises(UserError, match='is read as an input'):
        export_model(checkpoint, tmp_path, ['safetensors', 'mmseg'])
    incomplete = dict(segmentor=None, preprocessor=None, pipeline=[], incomplete='segmentor.type is a class')
    with pytest.raises(UserError, match='no segmentor, because segmentor.type is a class; give the config'):
        export_model(written(tmp_path / 'half.pth', **incomplete), tmp_path / 'out', ['onnx'])
    assert not (tmp_path / 'out').exists()


def test_windows_of_the_network_follow_from_the_card():
    assert network_tile(example(input__tile=1000)) == 512  # 500 px, rounded to the grid of the network
    assert network_tile(example(input__tile=None, input__raster_gsd=None)) == 512
    sliding = dict(SEGMENTOR, test_cfg=dict(mode='slide', crop_size=[192, 160], stride=[96, 96]))
    assert network_tile(example(segmentor=sliding)) == 160
    assert 'resolution' not in deepness_metadata(example(input__gsd=None), 256)


def test_the_tool_takes_a_checkpoint_alone_or_with_a_config(tmp_path):
    checkpoint = written(tmp_path / 'm.pth')
    command = [sys.executable, str(ROOT / 'tools' / 'export.py'), str(checkpoint), '--out', str(tmp_path / 'out')]
    result = subprocess.run([*command, '--format', 'safetensors', 'stac'], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert result.stdout.split() == [str(tmp_path / 'out' / name) for name in ('segmentor.safetensors', 'card.json',
                                                                             'item.json')]  # fmt: skip
    result = subprocess.run([*command, '--plugin', 'os'], capture_output=True, text=True, check=False)
    assert result.returncode == 2 and 'needs no plugin, not os' in result.stderr and 'Traceback' not in result.stderr
