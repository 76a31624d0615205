"""Networks of one to three convolutions, drawn images of 16 pixels, and a Runner that trains them in a second."""

from __future__ import annotations

import copy
import uuid

import numpy as np
import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.model import BaseModule
from mmengine.runner import Runner
from mmengine.structures import PixelData
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.structures import SegDataSample
from torch import Tensor, nn
from torch.utils.data import Dataset

from mmuda.apis.prepare import GRAD_SYNC_WRAPPER
from mmuda.registry import DATASETS, HOOKS, MODELS
from mmuda.utils.setup_env import register_all_modules

register_all_modules()
SIZE, CLASSES = 16, 3


@MODELS.register_module(force=True)
class ToyBackbone(BaseModule):
    """Two convolutions, the first one normalised: features (N, 4, H, W) and (N, 4, H / stride, W / stride)."""

    def __init__(self, norm: bool = True, stride: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 4, 3, padding=1, bias=not norm)
        self.norm = nn.BatchNorm2d(4) if norm else nn.Identity()
        self.conv2 = nn.Conv2d(4, 4, 3, padding=1, stride=stride)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        low = self.norm(self.conv1(x)).relu()
        return low, self.conv2(low).relu()


@MODELS.register_module(force=True)
class ToyHead(BaseDecodeHead):
    """Dropout and a 1x1 convolution; the dropout shows whether random numbers follow the iteration."""

    def __init__(self, in_index: int = 1, dropout_ratio: float = 0.2, **kwargs) -> None:
        super().__init__(
            4, 4, num_classes=CLASSES, in_index=in_index, dropout_ratio=dropout_ratio, align_corners=False, **kwargs
        )

    def forward(self, inputs: tuple[Tensor, ...]) -> Tensor:
        return self.cls_seg(self._transform_inputs(inputs))


@MODELS.register_module(force=True)
class ToyDiscriminator(BaseModule):
    """Logits (N, 1, H, W) of a map (N, in_channels, H, W)."""

    def __init__(self, in_channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, 4, 3, padding=1)
        self.conv2 = nn.Conv2d(4, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv2(torch.nn.functional.leaky_relu(self.conv1(x), 0.2))


@DATASETS.register_module(force=True)
class ToyDataset(Dataset):
    """Images that follow the index, spoilt by noise that follows the draw.

    Args:
        labelled: Give ``gt_sem_seg``: the image's mean in three classes.
        images: Give ``inputs``; without them the stream has label maps only.
        fine: Side of ``fine_image`` and of the labels, if they lie on a finer grid.
        cells: Side of label cells, if labels are coarser than images: one label a cell, and its index.
        gain: Factor of the contrast, so that domains differ.
    """

    metainfo = dict(classes=('low', 'middle', 'high'), palette=[[0, 0, 0], [9, 9, 9], [99, 99, 99]])

    def __init__(
        self,
        labelled: bool = True,
        images: bool = True,
        fine: int | None = None,
        gain: float = 1.0,
        cells: int | None = None,
    ) -> None:
        self.labelled, self.images, self.fine, self.gain, self.cells = labelled, images, fine, gain, cells

    def __len__(self) -> int:
        return 6

    def __getitem__(self, index: int) -> dict:
        fixed = np.random.RandomState(index + 100 * self.labelled)
        side = self.fine or SIZE
        fine = fixed.uniform(0, 255, (3, side, side)) * self.gain + np.random.normal(0, 20, (3, side, side))
        fine = torch.from_numpy(fine.astype(np.float32)).to(torch.get_default_dtype())
        sample = SegDataSample(metainfo=dict(ori_shape=(side, side), img_shape=(SIZE, SIZE), index=int(index)))
        if self.labelled:
            label = (fine.mean(dim=0) / 85).long().clamp(0, CLASSES - 1)
            if self.cells:
                cell = torch.arange(side) // self.cells
                label = label[cell[:, None] * self.cells, cell * self.cells]
            sample.gt_sem_seg = PixelData(data=label[None])
        packed = dict(data_samples=sample)
        if self.images:
            packed['inputs'] = torch.nn.functional.interpolate(fine[None], size=(SIZE, SIZE), mode='nearest')[0]
        if self.fine:
            packed['fine_image'] = fine
        if self.cells:
            packed['cells'] = (cell[:, None] * (side // self.cells) + cell).int()
        return packed


class KilledError(Exception):
    """Stands for the kill of a process."""


@HOOKS.register_module(force=True)
class KillHook(Hook):
    """Kills the run when ``at`` iterations are done, after their checkpoint."""

    def __init__(self, at: int) -> None:
        self.at = at

    def before_train_iter(self, runner, batch_idx: int, data_batch=None) -> None:
        if runner.iter == self.at:
            raise KilledError


@HOOKS.register_module(force=True)
class MovesHook(Hook):
    """Records what each optimiser's step changes.

    Attributes:
        moves: For each step ``(iteration, name of the optimiser, names of the parameters that it changed)``.
    """

    def __init__(self) -> None:
        self.moves: list[tuple[int, str, set[str]]] = []

    def before_train(self, runner) -> None:
        for name, wrapper in runner.optim_wrapper.items():
            self._watch(runner, name, wrapper.optimizer)

    def _watch(self, runner, name: str, optimizer: torch.optim.Optimizer) -> None:
        model = runner.model
        before = {}

        def remember(*_) -> None:
            before.update({key: p.detach().clone() for key, p in model.named_parameters()})

        def compare(*_) -> None:
            changed = {key for key, p in model.named_parameters() if not torch.equal(p, before[key])}
            self.moves.append((runner.iter, name, changed))

        optimizer.register_step_pre_hook(remember)
        optimizer.register_step_post_hook(compare)


@HOOKS.register_module(force=True)
class ForwardsHook(Hook):
    """Counts the forwards of submodules, by iteration.

    Attributes:
        counts: ``{iteration: {path: number of forwards}}``.
    """

    def __init__(self, paths: list[str]) -> None:
        self.paths = paths
        self.counts: dict[int, dict[str, int]] = {}

    def before_train(self, runner) -> None:
        def count(path: str):
            def add(*_) -> None:
                if runner.iter in self.counts:
                    self.counts[runner.iter][path] += 1

            return add

        for path in self.paths:
            runner.model.get_submodule(path).register_forward_hook(count(path))

    def before_train_iter(self, runner, batch_idx: int, data_batch=None) -> None:
        self.counts[runner.iter] = dict.fromkeys(self.paths, 0)


def segmentor(auxiliary: bool = False, **head) -> dict:
    """Config of the toy segmentor, an mmseg EncoderDecoder."""
    cfg = dict(
        type='EncoderDecoder',
        backbone=dict(type='ToyBackbone'),
        decode_head=dict(type='ToyHead', **head),
        test_cfg=dict(mode='whole'),
    )
    if auxiliary:
        cfg['auxiliary_head'] = dict(type='ToyHead', in_index=0, loss_decode=dict(type='CrossEntropyLoss'))
    return cfg


def plain_segmentor(stride: int = 1) -> dict:
    """A toy segmentor without norm and dropout: each forward is a function of weights and images."""
    return dict(segmentor(dropout_ratio=0), backbone=dict(type='ToyBackbone', norm=False, stride=stride))


def batch(size: int = 2, **gains: float) -> dict:
    """Always the same batch, as a loader gives it: lists of images and samples by stream."""
    np.random.seed(0)
    streams = {}
    for name in ('source', 'target'):
        dataset = ToyDataset(labelled=name == 'source', gain=gains.get(name, 1.0))
        items = [dataset[i] for i in range(size)]
        streams[name] = {key: [item[key] for item in items] for key in items[0]}
    return streams


def optimizer(kind: str = 'Adam', **kwargs) -> dict:
    """Config of an optimiser that moves toy networks visibly."""
    return dict(type=kind, lr=1e-2, **kwargs)


def streams(**further: dict) -> dict:
    """Config of the two streams and further ones."""
    return dict(
        type='UDADataset', source=dict(type='ToyDataset'), target=dict(type='ToyDataset', labelled=False, gain=0.5),
        **further,
    )  # fmt: skip


def config(model: dict, stages: list[dict], optimizers: dict, dataset: dict | None = None, **runner) -> dict:
    """Config of a run of a toy model; ``runner`` are further keys of the Runner."""
    return dict(
        model=model,
        optim_wrapper=dict(constructor='NamedOptimWrapperConstructor', **optimizers),
        train_dataloader=dict(
            batch_size=2, num_workers=0, sampler=dict(type='DrawSampler'), dataset=dataset or streams()
        ),
        train_cfg=dict(type='StagedTrainLoop', stages=stages),
        **runner,
    )


def build_runner(cfg: dict, work_dir, hooks: tuple[Hook, ...] = (), save_at: int = 1000, **overrides) -> Runner:
    """The Runner of a config with the hooks of every run, and ``hooks`` besides; saves every ``save_at`` iterations."""
    complete = dict(
        default_scope='mmuda',
        experiment_name=f'toy_{uuid.uuid4().hex[:8]}',
        randomness=dict(seed=3),
        log_level='ERROR',
        log_processor=dict(by_epoch=False),
        model_wrapper_cfg=dict(type=GRAD_SYNC_WRAPPER),
        default_hooks=dict(
            logger=dict(type='LoggerHook', interval=100, log_metric_by_epoch=False),
            checkpoint=dict(
                type='ResumableCheckpointHook',
                by_epoch=False,
                interval=save_at,
                save_last=False,
            ),
        ),
        custom_hooks=[dict(type='IterSeedHook'), dict(type='CheckpointGuardHook')],
        work_dir=str(work_dir),
    )
    complete.update(copy.deepcopy(cfg))
    complete.update(overrides)
    runner = Runner.from_cfg(Config(complete))
    for hook in hooks:
        runner.register_hook(hook)
    return runner


def state_of(runner: Runner) -> dict:
    """Weights, buffers and optimisers of a run."""
    return dict(model=runner.model.state_dict(), optimizers=runner.optim_wrapper.state_dict())


def differences(ours, theirs, path: str = '') -> list[str]:
    """Paths at which two nested states are not bitwise equal."""
    if isinstance(ours, dict):
        if ours.keys() != theirs.keys():
            return [f'{path}: keys {sorted(map(str, ours.keys() ^ theirs.keys()))}']
        return [found for key in ours for found in differences(ours[key], theirs[key], f'{path}/{key}')]
    if isinstance(ours, (list, tuple)):
        pairs = enumerate(zip(ours, theirs, strict=True))
        return [found for i, (a, b) in pairs for found in differences(a, b, f'{path}/{i}')]
    equal = torch.equal(ours, theirs) if isinstance(ours, Tensor) else ours == theirs
    return [] if equal else [path]
