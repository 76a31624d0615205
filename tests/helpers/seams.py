"""Where a map changes its class along the borders of its windows, for any segmentor that learns for a few steps."""

from __future__ import annotations

from functools import cache

import numpy as np
import torch
from mmengine.config import Config, ConfigDict
from mmengine.model import revert_sync_batchnorm
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from mmuda.maps.blending import classes_of
from mmuda.maps.options import window_borders
from mmuda.maps.parts import Parts
from mmuda.maps.strips import predict_strips
from mmuda.maps.windows import Plan, Span
from mmuda.models.adapters import build_adapter
from mmuda.registry import MODELS
from mmuda.synthetic import STYLES
from mmuda.synthetic.render import render_scene
from tests.helpers import CONFIGS

BASES = CONFIGS / '_base_/models'
TILE, SIDE, CLASSES, CROP = 128, 608, 6, 96
PLANS = dict(blended=window_borders(TILE, None, None), centre=(32, 16), tiles=(0, 0))
"""Pixels that windows share, and those of a border that are not used: the default, and hard cuts with the same stride
as the default's, or between windows that share nothing."""


def segmentors() -> list[str]:
    """Names of the model bases that ship and segment."""
    paths = sorted(BASES.glob('*.py'))
    return [path.stem for path in paths if 'segmentor' in Config.fromfile(path).model]


@cache
def scene(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A drawn scene: image (3, SIDE, SIDE) uint8 and classes (SIDE, SIDE)."""
    image, label = render_scene(np.random.default_rng(seed), STYLES['target'], SIDE)
    return np.moveaxis(image, -1, 0), label


def build(name: str) -> nn.Module:
    """The segmentor of a base, for six classes, from random weights."""
    cfg = Config.fromfile(BASES / f'{name}.py').model.segmentor.to_dict()
    _complete(cfg)
    torch.manual_seed(0)
    model = revert_sync_batchnorm(MODELS.build(ConfigDict(cfg)))
    model.init_weights()
    return model


def _complete(cfg) -> None:
    for key, part in cfg.items():
        for one in part if isinstance(part, list) else [part]:
            if isinstance(one, dict):
                if 'head' in key and key != 'sr_head' and one['type'] != 'SummedHead':
                    one['num_classes'] = CLASSES
                if (one.get('init_cfg') or {}).get('type') == 'Pretrained':
                    one['init_cfg'] = None
                _complete(one)


def normalised(image: np.ndarray) -> torch.Tensor:
    return (torch.from_numpy(image).float() - 127.5) / 60


def crops(rng: np.random.Generator, number: int = 4) -> dict:
    """A batch of crops of a scene, as an adapter takes it."""
    image, label = scene(0)
    inputs, samples = [], []
    for y, x in rng.integers(0, SIDE - CROP, (number, 2)):
        box = slice(y, y + CROP), slice(x, x + CROP)
        inputs.append(normalised(np.ascontiguousarray(image[(slice(None), *box)])))
        samples.append(SegDataSample(metainfo=dict(img_shape=(CROP, CROP), ori_shape=(CROP, CROP))))
        samples[-1].gt_sem_seg = PixelData(data=torch.from_numpy(label[box].astype(np.int64))[None])
    inputs = torch.stack(inputs)
    return dict(inputs=inputs, data_samples=samples, fine_image=inputs)


def train(model: nn.Module, steps: int, rate: float = 2e-3) -> float:
    """Train for a few steps, then take the statistics of batch norm from a few batches; the last loss."""
    adapter, rng = build_adapter(model), np.random.default_rng(0)
    optimizer = torch.optim.Adam(model.parameters(), rate)
    model.train()
    for step in range(steps):
        for group in optimizer.param_groups:
            group['lr'] = rate * min(1, (step + 1) / 5) * (1 - step / steps)
        outputs = adapter.forward(model, 'source', crops(rng), {'supervised'})
        losses = adapter.supervised_losses(model, outputs)
        loss = sum(value for key, value in losses.items() if 'loss' in key)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
    for module in model.modules():
        if isinstance(module, _BatchNorm):
            module.reset_running_stats()
            module.momentum = None  # the mean of all batches
    with torch.no_grad():
        for _ in range(4):
            adapter.forward(model, 'source', crops(rng), {'supervised'})
    model.eval()
    return loss.item()


class Windows:
    """The network of a map; remembers what it predicted of each window."""

    def __init__(self, model: nn.Module, image: np.ndarray) -> None:
        self.model, self.image, self.known = model, image, {}

    def read(self, window):
        return window

    def predict(self, samples):
        return [(self._logits(window), None) for window in samples]

    @torch.no_grad()
    def _logits(self, window):
        if window not in self.known:
            row, col, height, width = window
            inputs = normalised(np.ascontiguousarray(self.image[:, row : row + height, col : col + width]))[None]
            meta = dict(ori_shape=(height, width), img_shape=(height, width), pad_shape=(height, width))
            (found,) = self.model(inputs, [SegDataSample(metainfo=meta)], mode='predict')
            self.known[window] = found.seg_logits.data.numpy()
        return self.known[window]


def predicted(network: Windows, plan: Plan, folder) -> np.ndarray:
    """The map of an image, (SIDE, SIDE)."""
    parts = Parts(folder / 'map.tif', dict(plan=repr(plan)))
    predict_strips(plan, parts, network, lambda logits, _: dict(label=classes_of(logits)[None]), 1)
    rows = [parts.read(0, row)['label'][0] for row in range(len(plan.rows))]
    parts.remove()
    return np.concatenate(rows)


def plan_of(overlap: int, margin: int) -> Plan:
    return Plan(SIDE, SIDE, TILE, overlap, margin, 10**6)


def seams(windows: list[Span], margin: int) -> list[list[int]]:
    """Between neighbouring windows: where the next one begins to count, the middle, and where the first one ends."""
    pairs = zip(windows, windows[1:], strict=False)
    return [sorted({other.start + margin, one.own[1], one.end - margin}) for one, other in pairs]


def changes(label: np.ndarray) -> np.ndarray:
    """Share of the rows in which the class changes from the column before to this one, by column."""
    return np.concatenate([[0.0], (label[:, 1:] != label[:, :-1]).mean(axis=0)])


def at_borders(label: np.ndarray, plan: Plan) -> tuple[float, float, float]:
    """How often the class changes across the borders of windows, and inside.

    The columns of all borders, shifted by each number of pixels that keeps them away from borders, say how much such an
    average varies by chance; rows are taken like columns.

    Returns:
        Rate at the borders' worst place, rate inside, and the difference in standard deviations of the latter.
    """
    sides = [(changes(label), plan.cols), (changes(label.T), plan.rows)]
    every = [(rates, between) for rates, windows in sides for between in seams(windows, plan.margin)]
    places = len(every[0][1])
    rates = [np.mean([rates[between[place]] for rates, between in every]) for place in range(places)]
    inside = []
    step = plan.cols[1].start - plan.cols[0].start
    for shift in range(4, step - (plan.overlap - 2 * plan.margin) - 4):
        moved = [(rates, between[-1] + shift) for rates, between in every]
        inside.append(np.mean([rates[place] for rates, place in moved if place < len(rates)]))
    return max(rates), float(np.mean(inside)), float((max(rates) - np.mean(inside)) / max(np.std(inside), 1e-9))
