"""UniMatch V2's losses against the released procedure (arXiv 2410.10777), written out by hand in float64."""

import copy

import pytest
import torch
import torch.nn.functional as F
from mmengine.config import Config
from mmengine.structures import PixelData

from mmuda.registry import MODELS
from mmuda.structures import PERTURBATION
from mmuda.testing.toy import ToyDataset, segmentor
from mmuda.utils.setup_env import register_all_modules
from tests.helpers import CONFIGS

register_all_modules()
METHOD = Config.fromfile(CONFIGS / '_base_/methods/unimatch_v2.py').method
THRESHOLD, COUNT = 0.4, 4


@pytest.fixture(autouse=True)
def in_float64():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def streams():
    found = {}
    for name, labelled in (('source', True), ('target', False), ('labelled_target', True)):
        dataset = ToyDataset(labelled=labelled, gain=1.0 if name == 'source' else 0.5)
        items = [dataset[i] for i in range(COUNT)]
        found[name] = {key: [item[key] for item in items] for key in items[0]}
    missing = torch.zeros(1, 16, 16, dtype=torch.bool)
    missing[:, :5] = True
    found['target']['data_samples'][0].no_data = PixelData(data=missing)
    return found


def cross_entropy(network, images, labels, factors=None):
    """Of each pixel, (N, H, W)."""
    features = network.backbone(images)
    if factors is not None:
        features = [feature * factors[:, :, None, None] for feature in features]
    logits = F.interpolate(network.decode_head(features), size=images.shape[-2:], mode='bilinear', align_corners=False)
    return F.cross_entropy(logits, labels, ignore_index=255, reduction='none')


def consistency(network, batch, strong, teacher_logits, valid, factors):
    """Sum over confident pixels with data, over the number of pixels with data."""
    confidence, labels = teacher_logits.softmax(1).max(1)
    box = (batch['inputs'] != strong['inputs']).any(1)
    partner = [(i + 1) % COUNT for i in range(COUNT)]
    labels = torch.where(box, labels[partner], labels)
    confidence = torch.where(box, confidence[partner], confidence)
    valid = torch.where(box, valid[partner], valid)
    images = torch.where(box[:, None], strong['inputs'][partner], strong['inputs'])
    each = cross_entropy(network, images, labels, factors)
    return (each * ((confidence >= THRESHOLD) & valid)).sum() / valid.sum(), box.any()


def test_the_losses_equal_those_by_hand():
    views = copy.deepcopy(METHOD.views)
    views.pseudo.threshold = THRESHOLD
    views.mixed_1.probability = views.mixed_2.probability = 1.0
    loss = dict(type='CrossEntropyLoss', avg_non_ignore=True)  # as all bases have it
    options = dict(METHOD, views=views, segmentor=segmentor(dropout_ratio=0, loss_decode=loss))
    torch.manual_seed(0)
    model = MODELS.build(dict(type='DomainAdaptation', **options))
    student, teacher = copy.deepcopy(model.segmentor), copy.deepcopy(model.segmentor)
    batch = model.data_preprocessor(streams(), training=True)
    names = model.available_losses(model.stage)
    context = model.build_context(batch, names, lambda: torch.autocast('cpu', enabled=False))
    ours = {}
    for name in names:
        ours.update(model.compute_losses(name, context))
    ours = {key: value for key, value in ours.items() if 'loss' in key}

    images = batch['target']['inputs']
    teacher_logits = teacher.decode_head(teacher.backbone(images))
    valid = torch.ones(COUNT, 16, 16, dtype=torch.bool)
    valid[0, :5] = False
    asked = context.batch('dropped_1')[PERTURBATION]
    factors = asked([torch.ones(COUNT, 4, 1, 1)])[0][:, :, 0, 0]
    halves = []
    for i, kept in ((1, factors), (2, 2 - factors)):
        loss, is_mixed = consistency(
            student, context.batch(f'mixed_{i}'), context.batch(f'strong_{i}'), teacher_logits, valid, kept
        )
        assert is_mixed and loss > 0
        halves.append(loss)
    assert not torch.equal(*(context.batch(f'strong_{i}')['inputs'] for i in (1, 2)))
    by_hand = (halves[0] + halves[1]) / 2
    for name in ('source', 'labelled_target'):
        labels = torch.stack([sample.gt_sem_seg.data[0] for sample in batch[name]['data_samples']])
        by_hand = by_hand + cross_entropy(student, batch[name]['inputs'], labels).mean()
    assert set(ours) == {f'{name}.decode.loss_ce' for name in names_of_terms(names)}
    torch.testing.assert_close(sum(ours.values()), by_hand, atol=1e-9, rtol=0)


def names_of_terms(names):
    return {name.partition('.')[0] for name in names}
