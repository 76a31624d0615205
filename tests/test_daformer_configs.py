"""The bases of DAFormer and HRDA: what the released settings say, built without memory."""

import numpy as np
import pytest
import rasterio
import torch
from mmseg.apis import inference_model
from mmseg.apis import init_model as init_mmseg
from rasterio.transform import from_origin

from mmuda.apis import counts, export_segmentor, init_model, load_config, predict_raster, prepare
from mmuda.engine.optimizers import NamedOptimWrapperConstructor
from mmuda.registry import PARAM_SCHEDULERS
from tests.helpers import CONFIGS
from tests.helpers.on_meta import check_on_meta

LEAF = """_base_ = [
    '{folder}/models/{model}.py',
    '{folder}/methods/source_only.py',
    '{folder}/datasets/gta2cityscapes.py',
    '{folder}/schedules/daformer_40k.py',
    '{folder}/default_runtime.py',
]
model = dict(_base_.method, batch_norm='shared')
"""


def leaf(tmp_path, model, lines=''):
    path = tmp_path / 'config.py'
    path.write_text(LEAF.format(folder=CONFIGS / '_base_', model=model) + lines)
    return path


@pytest.fixture(scope='module')
def daformer(tmp_path_factory):
    return prepare(load_config(leaf(tmp_path_factory.mktemp('daformer'), 'daformer-mitb5')))


def test_the_full_network_can_be_run(tmp_path):
    check_on_meta(leaf(tmp_path, 'daformer-mitb5'))


def test_the_network_is_the_released_one(daformer):
    model = counts.build_on_meta(daformer.model).segmentor
    backbone = sum(p.numel() for p in model.backbone.parameters())
    assert backbone == 81_443_008  # MiT-B5 without its classifier
    drop_paths = [m.drop_prob for m in model.backbone.modules() if type(m).__name__ == 'DropPath']
    assert max(drop_paths) == pytest.approx(0.1)
    head = model.decode_head
    assert [tuple(layer.weight.shape) for layer in head.embeddings] == [(256, c, 1, 1) for c in (64, 128, 320, 512)]
    assert [getattr(m, 'depthwise_conv', m).conv.dilation[0] for m in head.aspp_modules] == [1, 6, 12, 18]
    assert head.bottleneck.conv.weight.shape == (256, 4 * 256, 3, 3) and head.num_classes == 19


def test_rates_and_decay_by_parameter(daformer):
    """Released: 'head' has ten times the rate; the backbone's norms have no decay, those of the head ('bn') have."""
    model = counts.build_on_meta(daformer.model)
    wrappers = {name: cfg for name, cfg in daformer.optim_wrapper.items() if name != 'constructor'}
    optimizer = NamedOptimWrapperConstructor(wrappers)(model)['segmentor'].optimizer
    found = {id(group['params'][0]): (group['lr'], group['weight_decay']) for group in optimizer.param_groups}
    norms = 0
    for path, module in model.segmentor.named_modules():
        for parameter in module.parameters(recurse=False):
            lr, decay = (6e-4, 0.01) if 'head' in path else (6e-5, 0.01)
            if isinstance(module, torch.nn.LayerNorm):
                decay, norms = 0.0, norms + 1
            assert found[id(parameter)] == (pytest.approx(lr), decay), path
    assert norms > 200


def test_the_rate_follows_the_released_schedule(daformer):
    """Poly of power 1 over the whole run, times a linear warm-up from 1e-6, as mmcv's updater has it."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=6e-5)
    schedules = [
        PARAM_SCHEDULERS.build(dict(cfg), default_args=dict(optimizer=optimizer))
        for cfg in daformer.param_scheduler.segmentor
    ]
    for iteration in range(40_000):
        expected = 6e-5 * (1 - iteration / 40_000)
        if iteration < 1500:
            expected *= 1 - (1 - iteration / 1500) * (1 - 1e-6)
        assert optimizer.param_groups[0]['lr'] == pytest.approx(expected, abs=6e-5 * 1e-3), iteration
        optimizer.step()
        for schedule in schedules:
            schedule.step()


def test_hrda_puts_two_scales_on_the_full_network(tmp_path):
    path = leaf(tmp_path, 'hrda_daformer-mitb5')
    check_on_meta(path)
    cfg = prepare(load_config(path))
    model = counts.build_on_meta(cfg.model).segmentor
    assert (type(model).__name__, model.factor, model.grid, model.detail_weight) == ('HRDA', 2, 8, 0.1)
    assert model.attention_head.num_classes == 19 and model.attention_head.aspp_modules is None
    assert model.attention_head.bottleneck.conv.weight.shape == (256, 4 * 256, 1, 1)
    assert (cfg.model.segmentor.test_cfg.mode, cfg.model.segmentor.test_cfg.stride) == ('slide', (512, 512))


NARROW = """model = dict(model, segmentor=dict(test_cfg=dict(mode='{mode}', crop_size=(64, 64), stride=(32, 32))))
train_dataloader = dict(dataset=dict(target=None))
"""


def narrow(tmp_path, mode):
    """The narrow HRDA with random weights, and the file of its config."""
    path = leaf(tmp_path, 'hrda_deeplabv3plus-effl0', NARROW.format(mode=mode))
    path.write_text(path.read_text().replace('gta2cityscapes', 'synthetic').replace('daformer_40k', 'short'))
    torch.manual_seed(0)
    model = init_model(load_config(path), device='cpu')
    for network in (model.segmentor, model.teacher_network):  # the average predicts
        for head in (network.decode_head, network.attention_head):
            torch.nn.init.normal_(head.conv_seg.weight)  # else one class wins everywhere
    return model, path


@pytest.mark.parametrize('mode', ['whole', 'slide'])
def test_the_narrow_hrda_predicts_a_raster(mode, tmp_path):
    model, path = narrow(tmp_path, mode)
    check_on_meta(path)
    image = np.random.default_rng(0).integers(0, 256, (75, 101, 3)).astype(np.uint8)
    raster = tmp_path / 'image.tif'
    profile = dict(driver='GTiff', height=75, width=101, count=3, dtype='uint8', crs='EPSG:32633')
    with rasterio.open(raster, 'w', transform=from_origin(100, 200, 0.5, 0.5), **profile) as file:
        file.write(image.transpose(2, 0, 1))
    out = predict_raster(model, raster, tmp_path / 'out.tif', gsd=0.5, tile=512)
    with rasterio.open(out) as file:
        found = torch.from_numpy(file.read(1)).long()
    mean, std = 127.0, 128.0  # those of EfficientNet-Lite
    inputs = ((torch.from_numpy(image).permute(2, 0, 1) - mean) / std)[None]
    rows, columns = dict(whole=([(0, 75)], [(0, 101)]), slide=([(0, 64), (11, 75)], [(0, 64), (32, 96), (37, 101)]))[
        mode
    ]
    with torch.no_grad():
        logits = inputs.new_zeros(6, 75, 101)
        for top, bottom in rows:
            for left, right in columns:
                part = inputs[..., top:bottom, left:right]
                logits[:, top:bottom, left:right] += model.teacher_network(part, mode='tensor')[0]
    assert len(found.unique()) > 1
    assert (found == logits.argmax(0)).float().mean() > 0.999  # windows differ in how they round


def test_the_narrow_hrda_is_exported_to_mmseg(tmp_path):
    model, path = narrow(tmp_path, 'whole')
    torch.save(dict(state_dict=model.state_dict()), tmp_path / 'trained.pth')
    exported = init_mmseg(
        *map(str, export_segmentor(load_config(path), tmp_path / 'trained.pth', tmp_path)), device='cpu'
    )
    assert type(exported).__name__ == 'HRDA'
    inputs = torch.rand(1, 3, 48, 80)
    with torch.no_grad():
        assert torch.equal(exported(inputs, mode='tensor'), model.teacher_network(inputs, mode='tensor'))
    image = np.random.default_rng(0).integers(0, 256, (75, 101, 3)).astype(np.uint8)
    assert inference_model(exported, image).pred_sem_seg.shape == (75, 101)
