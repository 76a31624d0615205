"""Steps of TENT against the released procedure (arXiv 2006.10726), written out by hand in float64."""

import copy

import pytest
import torch
import torch.nn.functional as F
from mmengine.config import Config

from mmuda.engine.optimizers import NamedOptimWrapperConstructor
from mmuda.models.wrappers import Stage
from mmuda.registry import MODELS
from mmuda.testing.toy import batch, plain_segmentor, segmentor
from mmuda.utils.errors import UserError
from mmuda.utils.setup_env import register_all_modules
from tests.helpers import CONFIGS

register_all_modules()
METHOD = Config.fromfile(CONFIGS / '_base_/methods/tent.py').method
SCHEDULE = Config.fromfile(CONFIGS / '_base_/schedules/tent.py')
STAGE = Stage.from_cfg(SCHEDULE.train_cfg.stages[0])


@pytest.fixture(autouse=True)
def in_float64():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def model_of(network):
    torch.manual_seed(0)
    options = {key: value for key, value in METHOD.items() if key != 'segmentor'}
    return MODELS.build(dict(type='DomainAdaptation', segmentor=network, **options))


def by_hand(network, images, steps):
    """Adam on the scale and shift of batch norm; the mean over pixels of the entropy of the softmax."""
    network.train()
    norm = network.backbone.norm
    adam = torch.optim.Adam([norm.weight, norm.bias], lr=1e-3, betas=(0.9, 0.999), weight_decay=0)
    losses = []
    for _ in range(steps):
        logits = network.decode_head(network.backbone(images))
        logits = F.interpolate(logits, size=images.shape[-2:], mode='bilinear', align_corners=False)
        total, count = 0.0, 0
        for image in logits:
            for pixel in image.flatten(1).T:
                p = pixel.exp() / pixel.exp().sum()
                total, count = total - (p * p.log()).sum(), count + 1
        loss = total / count
        losses.append(loss.item())
        adam.zero_grad()
        loss.backward()
        adam.step()
    return losses


def test_steps_equal_those_by_hand_and_move_batch_norm_alone():
    network = segmentor(dropout_ratio=0)
    network['backbone']['stride'] = 2  # predictions are resized to the image
    model = model_of(network)
    streams = dict(target=batch()['target'])
    model.set_stage(STAGE)
    wrapper = NamedOptimWrapperConstructor(dict(SCHEDULE.optim_wrapper, constructor=None))(model)
    plain, start = copy.deepcopy(model.segmentor), copy.deepcopy(model.segmentor.state_dict())
    images = model.data_preprocessor(copy.deepcopy(streams), training=True)['target']['inputs']
    ours = [model.train_step(copy.deepcopy(streams), wrapper)['entropy.loss'].item() for _ in range(3)]
    theirs = by_hand(plain, images, 3)
    assert ours == pytest.approx(theirs, abs=1e-9) and theirs[-1] < theirs[0]
    end = model.segmentor.state_dict()
    for name, value in plain.state_dict().items():
        torch.testing.assert_close(end[name], value, atol=1e-9, rtol=0)
    moved = {name for name in start if not torch.equal(start[name], end[name])}
    assert moved == {f'backbone.norm.{part}' for part in ('weight', 'bias')} | {
        f'backbone.norm.{part}' for part in ('running_mean', 'running_var', 'num_batches_tracked')
    }


def test_a_segmentor_without_batch_norm_is_refused():
    model = model_of(plain_segmentor())
    with pytest.raises(UserError, match="trains 'batch_norm' of a segmentor that has no batch norm"):
        model.check_stage(STAGE)


def test_batch_norm_can_be_kept_instead():
    model = model_of(segmentor())
    wrapper = NamedOptimWrapperConstructor(dict(SCHEDULE.optim_wrapper, constructor=None))(model)
    stage = Stage(name='rest', trainable=('!batch_norm',))
    trained = model.trainable.of(model.plan[0], stage, [wrapper['segmentor']])
    kept = [name for (name, _), one in zip(model.named_parameters(), trained, strict=True) if not one]
    assert kept == ['segmentor.backbone.norm.weight', 'segmentor.backbone.norm.bias']
