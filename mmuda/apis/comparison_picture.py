"""Draws what two models of a comparison make of the same target tiles, and what one super-resolves."""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from mmengine.config import Config
from torch import nn

from mmuda.apis.config import load_config
from mmuda.apis.inference import inference_model, init_model, segmentor_of, super_resolve
from mmuda.datasets import DrawIndex
from mmuda.datasets.raster_io import read_window
from mmuda.models.segmentors import SuperResolutionSegmentor
from mmuda.registry import DATASETS
from mmuda.utils.fileio import write_atomically
from mmuda.utils.resume import find_checkpoint
from mmuda.visualization import Panel, colour_labels, draw_panels, viewable

# Tiles that are looked at to choose the ones with most classes; spread over the set.
CANDIDATES = 24
IGNORED = 255


@dataclass
class TrainedRun:
    """A run that has ended.

    Attributes:
        name: Its title in the picture.
        config: Its config.
        work_dir: Folder of its checkpoints.
        miou: mIoU of its last validation, percent.
    """

    name: str
    config: Path
    work_dir: Path
    miou: float | None = None

    @property
    def title(self) -> str:
        return self.name if self.miou is None else f'{self.name}\nmIoU {self.miou:.1f} % of the whole set'

    def load(self) -> nn.Module:
        """The model with the weights of the run's last checkpoint."""
        return init_model(self.config, find_checkpoint(self.work_dir))


def draw_comparison(first: TrainedRun, last: TrainedRun, path: str | os.PathLike, tiles: int = 3) -> None:
    """Draw target tiles: image, truth, prediction of two runs; below, what the last run super-resolves.

    The tiles are the validation set's with the most even mixture of classes, chosen by the truth alone. The last row
    is there if the last run's segmentor is a :class:`SuperResolutionSegmentor`.

    Args:
        first: Run of the first config, e.g. of the source alone.
        last: Run of the last config, e.g. adapted.
        path: PNG file, written whole or not at all.
        tiles: How many tiles of the target.
    """
    cfg = load_config(last.config)
    models = [run.load() for run in (first, last)]
    datasets = [_validation_set(load_config(run.config)) for run in (first, last)]
    candidates = _spread(len(datasets[1]), CANDIDATES)
    chosen = _most_mixed([datasets[1][index]['data_samples'] for index in candidates])
    indices = [candidates[position] for position in chosen[:tiles]]
    gsd = datasets[1].get_data_info(0).get('gsd')
    titles = [f'Target image{_metres(gsd)}', 'Truth', first.title, last.title]
    meta = datasets[1].metainfo
    rows = [
        _target_row(models, datasets, index, meta['palette'], titles if number == 0 else [''] * 4)
        for number, index in enumerate(indices)
    ]
    source_row = _source_row(models[1], cfg)
    if source_row:
        rows.append(source_row)
    write_atomically(draw_panels(rows, meta['classes'], meta['palette']), path)


def _validation_set(cfg: Config):
    dataset = DATASETS.build(cfg.val_dataloader.dataset)
    if hasattr(dataset, 'full_init'):
        dataset.full_init()
    return dataset


def _spread(length: int, count: int) -> list[int]:
    return sorted({int(index) for index in np.linspace(0, length - 1, min(length, count))})


def _label_of(sample) -> np.ndarray:
    return sample.gt_sem_seg.data[0].cpu().numpy().astype(np.uint8)


def _most_mixed(samples: list) -> list[int]:
    """Positions by the entropy of the samples' classes, highest first."""
    entropies = []
    for sample in samples:
        counts = np.bincount(_label_of(sample).ravel(), minlength=256)[:IGNORED]
        shares = counts[counts > 0] / max(counts.sum(), 1)
        entropies.append(float(-(shares * np.log(shares)).sum()))
    return sorted(range(len(samples)), key=lambda position: -entropies[position])


def _target_row(models, datasets, index: int, palette, titles: list[str]) -> list[Panel]:
    sample = datasets[1][index]['data_samples']
    image = _image_of(datasets[1], sample)
    maps = [_label_of(sample)]
    for model, dataset in zip(models, datasets, strict=True):
        prediction = inference_model(model, dataset[index]).pred_sem_seg.data[0].cpu().numpy().astype(np.uint8)
        maps.append(np.where(maps[0] == IGNORED, IGNORED, prediction).astype(np.uint8))
    images = [image, *(colour_labels(label, palette) for label in maps)]
    return [
        Panel(picture, title, smooth=number == 0)
        for number, (picture, title) in enumerate(zip(images, titles, strict=True))
    ]


def _image_of(dataset, sample) -> np.ndarray:
    """The tile itself, before the pipeline resampled it: (H, W, 3) uint8."""
    image = read_window(sample.img_path, sample.window, getattr(dataset, 'bands', None))
    return viewable(image, getattr(dataset, 'value_range', None))


def _source_row(model: nn.Module, cfg: Config) -> list[Panel]:
    """A crop of the source: its own pixels, bicubic, super-resolved; and a crop of the target of the same extent."""
    if not isinstance(segmentor_of(model), SuperResolutionSegmentor):
        return []
    dataset = DATASETS.build(cfg.train_dataloader.dataset)
    draws = [dataset[DrawIndex(index, draw=index, seed=0)] for index in _spread(len(dataset), CANDIDATES // 2)]
    draws = [draw for draw in draws if 'fine_image' in draw['source']]
    if not draws:
        return []
    draw = draws[_most_mixed([draw['source']['data_samples'] for draw in draws])[0]]
    source, target = draw['source'], draw.get('target')
    meta = source['data_samples'].metainfo
    fine = source['fine_image']
    panels = [
        Panel(_as_image(source['inputs']), f'Source image{_metres(meta.get("gsd"))}'),
        Panel(_as_image(fine), f'Source, bicubic{_metres(meta.get("fine_gsd"))}', smooth=True),
        Panel(super_resolve(model, source, tuple(fine.shape[-2:])), 'Source, super-resolved', smooth=True),
    ]
    if target is not None and 'fine_image' in target:
        panels.append(Panel(_as_image(target['fine_image']), 'Target, another place, for the style', smooth=True))
    return panels


def _metres(gsd: float | None) -> str:
    return '' if gsd is None else f', {gsd:.2g} m a pixel'


def _as_image(tensor: torch.Tensor) -> np.ndarray:
    return viewable(tensor.clamp(0, 255).byte().permute(1, 2, 0).cpu().numpy())
