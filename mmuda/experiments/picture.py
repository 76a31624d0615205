"""Draws predictions of two compared models on the same target tiles, and super-resolved crops of one."""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from mmengine.config import Config
from torch import nn

from mmuda.apis.candidates import built_dataset, spread
from mmuda.apis.config import load_config
from mmuda.apis.inference import inference_model, init_model, segmentor_of, super_resolve
from mmuda.checkpoints.finding import find_checkpoint
from mmuda.datasets import DrawIndex
from mmuda.engine.raster_tiles import image_of
from mmuda.models.segmentors import SuperResolutionSegmentor
from mmuda.registry import DATASETS
from mmuda.structures import IGNORE_INDEX
from mmuda.utils.fileio import write_atomically
from mmuda.visualization import IGNORED_COLOUR, Panel, colour_labels, draw_panels, viewable

# Number of candidate tiles, spread over the set, from which those with most classes are chosen.
CANDIDATES = 24


@dataclass
class TrainedRun:
    """A finished run.

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
    """Draw target tiles with predictions of two runs, and below them super-resolved crops of the last run.

    Each row shows image, truth, coarse label if there is one, and both predictions. The tiles are those of the
    validation set with the most even mixture of classes in the truth. The last row is drawn if the last run's segmentor
    is a :class:`SuperResolutionSegmentor`.

    Args:
        first: Run of the first config, e.g. source-only.
        last: Run of the last config, e.g. adapted.
        path: PNG file, written whole or not at all.
        tiles: Number of target tiles.
    """
    runs = [first] if first == last else [first, last]
    cfgs = [load_config(run.config) for run in runs]
    models = [run.load() for run in runs]
    datasets = [built_dataset(cfg.val_dataloader.dataset) for cfg in cfgs]
    candidates = spread(len(datasets[-1]), CANDIDATES)
    labels = [_label_of(datasets[-1][index]['data_samples']) for index in candidates]
    chosen = _most_mixed(labels)[:tiles]
    gsd = datasets[-1].get_data_info(0).get('gsd')
    coarse = ['Its coarse labels'] if 'coarse_label' in datasets[-1][0] else []
    titles = [f'Target image{_metres(gsd)}', 'Truth', *coarse, *(run.title for run in runs)]
    meta = datasets[-1].metainfo
    rows = [
        _target_row(models, datasets, candidates[position], meta['palette'], titles if number == 0 else None)
        for number, position in enumerate(chosen)
    ]
    source_row = _source_row(models[-1], cfgs[-1])
    if source_row:
        rows.append(source_row)
    classes, palette = list(meta['classes']), list(meta['palette'])
    if any((labels[position] == IGNORE_INDEX).any() for position in chosen):
        classes, palette = [*classes, 'not counted'], [*palette, IGNORED_COLOUR]
    write_atomically(draw_panels(rows, classes, palette), path)


def _label_of(sample) -> np.ndarray:
    return sample.gt_sem_seg.data[0].cpu().numpy().astype(np.uint8)


def _most_mixed(labels: list[np.ndarray]) -> list[int]:
    """Positions by the entropy of the labels' classes, highest first."""
    entropies = []
    for label in labels:
        counts = np.bincount(label.ravel(), minlength=256)[:IGNORE_INDEX]
        shares = counts[counts > 0] / max(counts.sum(), 1)
        entropies.append(float(-(shares * np.log(shares)).sum()))
    return sorted(range(len(labels)), key=lambda position: -entropies[position])


def _target_row(models, datasets, index: int, palette, titles: list[str] | None) -> list[Panel]:
    item = datasets[-1][index]
    sample = item['data_samples']
    truth = _label_of(sample)
    labels = [truth]
    if 'coarse_label' in item:
        labels.append(item['coarse_label'].numpy())
    for model, dataset in zip(models, datasets, strict=True):
        prediction = inference_model(model, dataset[index]).pred_sem_seg.data[0].cpu().numpy()
        labels.append(np.where(truth == IGNORE_INDEX, IGNORE_INDEX, prediction).astype(np.uint8))
    panels = [Panel(image_of(sample, datasets[-1]), smooth=True)]
    panels += [Panel(colour_labels(label, palette)) for label in labels]
    for panel, title in zip(panels, titles or (), strict=False):
        panel.title = title
    return panels


def _source_row(model: nn.Module, cfg: Config) -> list[Panel]:
    """A source crop (original, bicubic, super-resolved), and a target crop of the same extent."""
    if not isinstance(segmentor_of(model), SuperResolutionSegmentor):
        return []
    dataset = DATASETS.build(cfg.train_dataloader.dataset)
    draws = [dataset[DrawIndex(index, draw=index, seed=0)] for index in spread(len(dataset), CANDIDATES // 2)]
    draws = [draw for draw in draws if 'fine_image' in draw['source']]
    if not draws:
        return []
    draw = draws[_most_mixed([_label_of(draw['source']['data_samples']) for draw in draws])[0]]
    source, target = draw['source'], draw.get('target')
    meta = source['data_samples'].metainfo
    fine = source['fine_image']
    panels = [
        Panel(_as_image(source['inputs']), f'Source image{_metres(meta.get("gsd"))}'),
        Panel(_as_image(fine), f'Source, bicubic{_metres(meta.get("fine_gsd"))}', smooth=True),
        Panel(viewable(super_resolve(model, source, tuple(fine.shape[-2:]))), 'Source, super-resolved', smooth=True),
    ]
    if target is not None and 'fine_image' in target:
        panels.append(Panel(_as_image(target['fine_image']), 'Target, another place, for the style', smooth=True))
    return panels


def _metres(gsd: float | None) -> str:
    return '' if gsd is None else f', {gsd:.2g} m per pixel'


def _as_image(tensor: torch.Tensor) -> np.ndarray:
    return viewable(tensor.clamp(0, 255).byte().permute(1, 2, 0).cpu().numpy())
