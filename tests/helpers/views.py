"""Batches and a context for views that are built without a segmentor."""

from types import SimpleNamespace

import torch
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

from mmuda.models.data_preprocessor import UDADataPreprocessor
from mmuda.models.wrappers.forward_context import ForwardContext
from mmuda.registry import VIEWS
from mmuda.utils.setup_env import register_all_modules

register_all_modules()


def sample_of(domain, label=None, weight=None, no_data=None, **meta):
    """A sample with maps (h, w)."""
    sample = SegDataSample(metainfo=dict(domain=domain, **meta))
    for name, data in dict(gt_sem_seg=label, pixel_weight=weight, no_data=no_data).items():
        if data is not None:
            sample.set_data({name: PixelData(data=data[None])})
    return sample


def batch_of(domain, images, labels=None, weights=None, no_data=None, extras=None, **meta):
    """A batch of images (N, C, H, W) and maps (N, h, w), each of which may be missing."""
    count = len(images)
    maps = [[None] * count if one is None else one for one in (labels, weights, no_data)]
    samples = [sample_of(domain, *(one[i] for one in maps), number=i, **meta) for i in range(count)]
    return dict(inputs=images, data_samples=samples, **(extras or {}))


def build(cfg, seed=0, preprocessor=None, **batches):
    """The batch that a view builds from named batches."""
    model = SimpleNamespace(views={}, data_preprocessor=preprocessor or UDADataPreprocessor())
    torch.manual_seed(seed)
    return VIEWS.build(cfg).build(ForwardContext(model, batches, {}))


def maps(batch, name):
    """Maps (N, h, w) of a batch's samples; None if no sample has them."""
    if not any(name in sample for sample in batch['data_samples']):
        return None
    return torch.stack([sample.get(name).data[0] for sample in batch['data_samples']])
