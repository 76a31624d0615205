"""What label-free criteria read of a trained model: predictions at a few pixels of each target window."""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from mmengine.config import Config
from torch import Tensor

from mmuda.apis.class_checks import classes_of
from mmuda.apis.config import load_config
from mmuda.apis.inference import inference_model, init_model
from mmuda.apis.last_layer import features_at, features_of, last_layer
from mmuda.apis.map_network import turned, turned_back
from mmuda.datasets.raster.unread import reads_rasters
from mmuda.registry import DATASETS
from mmuda.structures import IGNORE_INDEX, no_data_of_prediction
from mmuda.utils.errors import UserError
from mmuda.utils.seeds import mix_seed

SCALE = 0.8
"""Size of the smaller image of which predictions should be the same."""
MULTIPLE = 32
BLOCKS = 4
"""A window is cut into 4 x 4 blocks, which are drawn again to see how sure a choice is."""


@dataclass(frozen=True)
class Candidate:
    """A trained model, or several of one method with different seeds.

    Attributes:
        name: Its name.
        config: Its config.
        checkpoints: Its weights; the first is judged, the others tell how well runs of the method agree.
    """

    name: str
    config: str | os.PathLike
    checkpoints: tuple[str | os.PathLike, ...]

    @classmethod
    def parse(cls, text: str) -> Candidate:
        """Read ``NAME=CONFIG:CHECKPOINT[,CHECKPOINT...]``.

        Raises:
            UserError: A part is missing.
        """
        name, _, rest = text.partition('=')
        config, _, weights = rest.partition(':')
        checkpoints = tuple(path for path in weights.split(',') if path)
        if not (name and config and checkpoints):
            raise UserError(
                f'{text} is not NAME=CONFIG:CHECKPOINT, e.g. mic=configs/mic.py:work_dirs/mic/iter_2000.pth'
            )
        return cls(name, config, checkpoints)


@dataclass
class Predictions:
    """Predictions at the same M pixels of the target for every model.

    Attributes:
        prob: Probabilities (M, K).
        flipped: Classes (M,) predicted from the mirrored image.
        scaled: Classes (M,) predicted from the image at ``SCALE`` of its size.
        block: Number (M,) of each pixel's block, counted over all windows.
        features: What the last layer takes (M, C); None if the network has no such layer.
        classifier: Weights of the last layer (K, C), or None.
        source_features: As ``features``, at labelled pixels of the source; None if they cannot be read.
        source_correct: Whether these source pixels are predicted correctly.
        source_shares: Share of each class in the source's labels (K,), or None.
    """

    prob: Tensor
    flipped: Tensor
    scaled: Tensor
    block: Tensor
    features: Tensor | None = None
    classifier: Tensor | None = None
    source_features: Tensor | None = None
    source_correct: Tensor | None = None
    source_shares: Tensor | None = None

    @property
    def label(self) -> Tensor:
        return self.prob.argmax(dim=1)


class TargetWindows:
    """The windows on which models are compared: the test images of a config, without their labels.

    Training has not seen them. They are the same for all models, and so are the pixels drawn from each; a model reads
    them by its own pipeline, in the tiles of this config.

    Args:
        config: Any of the models' configs.
        windows: Number of windows, spread evenly over the set.
        pixels: Pixels drawn from each, always the same ones.
    """

    def __init__(self, config: Config, windows: int = 24, pixels: int = 2000) -> None:
        self.tiling = {key: _test_set_of(config).get(key) for key in ('tile', 'last_tile')}
        dataset = _dataset(config)
        self.classes = classes_of(dataset)
        if len(self.classes) < 2:
            raise UserError(
                f'config {config.filename} has the classes {self.classes}; a choice needs two, e.g. background'
            )
        self.indices = spread(len(dataset), windows)
        self.pixels = pixels
        self.drawn: dict[int, tuple] = {}  # by index: the file and the window, and the pixels

    def predict(
        self, config: Config, checkpoint: str | os.PathLike, device: str | None = None, source: bool = True
    ) -> Predictions:
        """Predict all windows, also mirrored and smaller; with ``source`` also windows of the source.

        Raises:
            UserError: The model's test set has other classes or other windows, or no window holds data.
        """
        model, dataset = init_model(config, checkpoint, device), _dataset(config, self.tiling)
        if classes_of(dataset) != self.classes or len(dataset) <= self.indices[-1]:
            raise UserError(f'config {config.filename} has other classes or test windows than the first model')
        found: dict[str, list[Tensor]] = {key: [] for key in ('prob', 'flipped', 'scaled', 'block', 'features')}
        with features_of(model) as features:
            for number, index in enumerate(self.indices):
                self._add(model, dataset, index, number, features, found)
        if not found['prob']:
            raise UserError(f'config {config.filename}: no test window holds data')
        if len(found['features']) < len(found['prob']):
            found['features'] = []
        parts = {key: torch.cat(values) if values else None for key, values in found.items()}
        result = Predictions(**parts, classifier=None if parts['features'] is None else last_layer(model).weight)
        if result.classifier is not None:
            result.classifier = result.classifier.detach().flatten(1).cpu()
        if source:
            self._add_source(model, config, result)
        return result

    def _add(self, model, dataset, index: int, number: int, features: list, found: dict) -> None:
        item = dataset[index]
        sample = inference_model(model, item)
        prob = sample.seg_logits.data.float().softmax(dim=0).cpu()  # (K, H, W)
        size = prob.shape[1:]
        missing = no_data_of_prediction(sample, size)
        valid = torch.ones(size, dtype=torch.bool) if missing is None else ~missing.cpu()
        if len(prob) < 2:
            raise UserError(f'config {model.cfg.filename}: a choice needs the logits of two classes (out_channels=2)')
        window = sample.metainfo.get('window')
        place = os.path.realpath(sample.img_path), None if window is None else tuple(map(int, window)), tuple(size)
        if index not in self.drawn:
            self.drawn[index] = place, _draw(valid, self.pixels, os.path.basename(sample.img_path), window)
        expected, (rows, columns) = self.drawn[index]
        if place != expected:
            raise UserError(
                f'config {model.cfg.filename}: test window {index} is {place}, that of the first model {expected}; '
                'give all models one test set'
            )
        if not len(rows):
            features.clear()
            return
        found['prob'].append(prob[:, rows, columns].T)
        if len(features) == 1:  # else it predicts in parts or at several scales
            found['features'].append(features_at(features[0], rows, columns, size))
        features.clear()
        logits = inference_model(model, turned(item, turns=0, flipped=True)).seg_logits.data
        label = turned_back(logits, turns=0, flipped=True).argmax(dim=0).cpu()
        found['flipped'].append(label[rows, columns])
        smaller = _smaller(item['inputs'])
        label = inference_model(model, dict(item, inputs=smaller)).seg_logits.data.argmax(dim=0).cpu()
        found['scaled'].append(label[rows, columns])
        features.clear()
        block = rows * BLOCKS // size[0] * BLOCKS + columns * BLOCKS // size[1]
        found['block'].append(block + number * BLOCKS**2)

    def _add_source(self, model, config: Config, result: Predictions) -> None:
        """Predict labelled windows of the source, if the config has some that can be read like the test set."""
        dataset = _source_of(config)
        if dataset is None:
            return
        whole, chosen = True, spread(len(dataset), len(self.indices))
        features_of_pixels, correct, labels = [], [], []
        with features_of(model) as features:
            for index in chosen:
                item = dataset[index]
                truth = item['data_samples'].gt_sem_seg.data[0]
                sample = inference_model(model, item)
                label = sample.seg_logits.data.argmax(dim=0).cpu()
                known = truth != IGNORE_INDEX
                rows, columns = _draw(known, self.pixels, sample.img_path, sample.metainfo.get('window'))
                whole = whole and len(features) == 1
                if whole:
                    features_of_pixels.append(features_at(features[0], rows, columns, label.shape))
                features.clear()
                correct.append(label[rows, columns] == truth[rows, columns])
                labels.append(truth[rows, columns])
        counts = torch.bincount(torch.cat(labels).long(), minlength=len(self.classes)).double()
        result.source_shares = counts / counts.sum()
        result.source_correct = torch.cat(correct)
        if whole:
            result.source_features = torch.cat(features_of_pixels)


def _smaller(image: Tensor) -> Tensor:
    """An image (C, H, W) at about ``SCALE`` of its size; both sides are multiples of what any network divides by."""
    size = [max(MULTIPLE, round(SCALE * side / MULTIPLE) * MULTIPLE) for side in image.shape[1:]]
    return F.interpolate(image[None].float(), size=size, mode='bilinear', antialias=True)[0]


def spread(length: int, count: int) -> list[int]:
    """At most ``count`` indices, spread evenly over ``length``."""
    return sorted({int(index) for index in np.linspace(0, length - 1, min(count, length))})


def _test_set_of(config: Config):
    loader = config.get('test_dataloader') or config.get('val_dataloader')
    if not loader:
        raise UserError(f'config {config.filename} has no test set, so there are no target windows to compare on')
    return loader['dataset']


def _dataset(config: Config, tiling: Mapping | None = None):
    settings = copy.deepcopy(_test_set_of(config))
    if reads_rasters(settings):
        settings['labelled'] = False
        settings.update({key: value for key, value in (tiling or {}).items() if value is not None})
    return built_dataset(settings)


def built_dataset(settings: Mapping):
    """A dataset with its items, also if its config leaves them for later."""
    dataset = DATASETS.build(settings)
    if hasattr(dataset, 'full_init'):
        dataset.full_init()
    return dataset


def _source_of(config: Config):
    """The labelled source in windows of the test's kind; None if there is none, or it is not on this machine."""
    streams = (config.get('train_dataloader') or {}).get('dataset') or {}
    source, test = streams.get('source'), _test_set_of(config)
    if not source or not reads_rasters(source) or not test.get('tile') or source.get('labelled') is False:
        return None
    settings = dict(copy.deepcopy(source), pipeline=copy.deepcopy(test['pipeline']), tile=test['tile'], domain='source')
    try:
        return built_dataset(settings)
    except (FileNotFoundError, UserError):
        return None


def _draw(valid: Tensor, count: int, *names) -> tuple[Tensor, Tensor]:
    """Rows and columns of pixels drawn among the valid ones, the same for the same image and window."""
    places = valid.flatten().nonzero()[:, 0]
    if not len(places):
        return places, places
    seed = mix_seed('candidates', *map(str, names), int(valid.numel()))
    chosen = places[torch.randint(len(places), (count,), generator=torch.Generator().manual_seed(seed))]
    return chosen // valid.shape[1], chosen % valid.shape[1]


def predict_candidates(
    candidates: Sequence[Candidate],
    windows: int,
    pixels: int,
    device: str | None,
    report: Callable[[str], None],
) -> dict[str, list[Predictions]]:
    """Predictions of each candidate, a list over its checkpoints."""
    target, found = None, {}
    for candidate in candidates:
        config = load_config(Path(candidate.config))
        target = target or TargetWindows(config, windows, pixels)
        found[candidate.name] = [
            target.predict(copy.deepcopy(config), checkpoint, device, source=number == 0)
            for number, checkpoint in enumerate(candidate.checkpoints)
        ]
        report(f'{candidate.name}: {len(target.indices)} windows predicted')
    return found
