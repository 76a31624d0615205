"""The full-size configs of the teacher methods make a whole step, at a reduced crop and without pretrained weights."""

import gc
from pathlib import Path

import pytest
import torch
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

from mmuda.apis import load_config, prepare
from mmuda.registry import MODELS, OPTIM_WRAPPER_CONSTRUCTORS
from tests.helpers import CONFIGS
from tests.helpers.steps import train_step

SIDE = 64
FOLDERS = ('dacs', 'daformer', 'hrda', 'mic', 'source_free', 'unimatch_v2')
LEAVES = sorted(path for folder in FOLDERS for path in (CONFIGS / folder).glob('*_gta2cityscapes.py'))


def batch_of(cfg):
    """Two random images of each stream that the config trains on, with labels where the stream has them."""
    streams = [
        name for name, value in cfg.train_dataloader.dataset.items() if isinstance(value, dict) and 'type' in value
    ]
    data = {}
    for name in streams:
        samples = [SegDataSample(metainfo=dict(domain=name)) for _ in range(2)]
        if name != 'target':
            for sample in samples:
                label = torch.randint(19, (1, SIDE // 16, SIDE // 16))
                sample.gt_sem_seg = PixelData(data=label.repeat_interleave(16, 1).repeat_interleave(16, 2))
        data[name] = dict(inputs=[torch.randint(256, (3, SIDE, SIDE)).float() for _ in samples], data_samples=samples)
    return data


@pytest.mark.parametrize('path', LEAVES, ids=lambda path: Path(path).stem)
def test_a_step(path):
    torch.manual_seed(0)
    cfg = prepare(load_config(path))
    cfg.model.segmentor.backbone.init_cfg = None
    cfg.model.terms.pop('feature', None)  # its encoder is ImageNet's
    model = MODELS.build(cfg.model)
    stage = cfg.train_cfg.stages[0]
    wrappers = dict(cfg.optim_wrapper)
    constructor = dict(type=wrappers.pop('constructor'), optim_wrapper_cfg=wrappers)
    optimizers = OPTIM_WRAPPER_CONSTRUCTORS.build(constructor)(model.train())
    before = {name: value.detach().clone() for name, value in model.segmentor.named_parameters()}
    losses, gradients, _ = train_step(model, optimizers, batch_of(cfg))
    assert all(torch.isfinite(value).all() for value in losses.values())
    moved = {name for name, value in model.segmentor.named_parameters() if not torch.equal(value, before[name])}
    assert moved and all(torch.isfinite(value).all() for value in gradients.values())
    if not stage.get('trainable'):
        trained = {name.removeprefix('segmentor.') for name, value in gradients.items() if value.abs().max() > 0}
        assert moved >= trained & set(before)
    del model, optimizers, before
    gc.collect()
