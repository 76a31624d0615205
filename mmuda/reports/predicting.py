"""Predictions of several models on windows of the test set, and how good they are where there are labels."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
import torch
from torch import Tensor

from mmuda.apis.candidates import spread
from mmuda.apis.class_checks import classes_of
from mmuda.apis.config import load_config
from mmuda.apis.inference import inference_model, init_model
from mmuda.engine.raster_tiles import image_of, palette_of
from mmuda.evaluation.criteria import agreement, confusion
from mmuda.reports.data import built_test, compared_set
from mmuda.structures import IGNORE_INDEX, predicted_label
from mmuda.utils.errors import UserError, describe, is_user_error
from mmuda.utils.progress import Progress

SIDE = 320
"""Pixels of a window in the page, on its longer side."""
LABELLED = 0.1
"""A window with a smaller share of labelled pixels is not ranked."""


@dataclass(frozen=True)
class Window:
    """A window of the target.

    Attributes:
        image: (H, W, 3) uint8.
        truth: Classes (H, W) uint8, or None.
        path: Its file.
        place: Row and column of its corner in the file, or None for a whole image.
        gsd: Metres per pixel, or None.
    """

    image: np.ndarray
    truth: np.ndarray | None
    path: str
    place: tuple[int, int] | None
    gsd: float | None

    @property
    def name(self) -> str:
        where = '' if self.place is None else f', row {self.place[0]}, column {self.place[1]}'
        return f'{os.path.basename(self.path)}{where}'

    @property
    def labelled(self) -> float:
        """Share of its pixels that have a label."""
        return 0.0 if self.truth is None else float((self.truth != IGNORE_INDEX).mean())


@dataclass(frozen=True)
class Predicted:
    """What a model predicts of a window.

    Attributes:
        label: Classes (H, W) uint8 on the grid of the window's image, 255 where there is no data.
        confidence: Probability of that class in [0, 1], (h, w) of at most ``SIDE``; NaN where there is no data.
        counts: Pixels by true and by predicted class (K, K); None without labels.
    """

    label: np.ndarray
    confidence: np.ndarray
    counts: Tensor | None

    @property
    def miou(self) -> float | None:
        """Mean over the classes that truth or prediction have, in [0, 1]; None without labelled pixels."""
        return None if self.counts is None or not self.counts.sum() else float(agreement(self.counts))

    @property
    def accuracy(self) -> float | None:
        """Share of labelled pixels that are right, or None."""
        return None if self.counts is None or not self.counts.sum() else float(self.counts.trace() / self.counts.sum())

    @property
    def sure(self) -> float:
        """Mean confidence."""
        return float(np.nanmean(self.confidence)) if np.isfinite(self.confidence).any() else float('nan')


@dataclass
class Model:
    """Weights that take part.

    Attributes:
        name: Its name.
        config: Path of its config.
        checkpoint: Path of its weights.
        colour: Colour of its method.
        target_only: Whether it was trained on the target's labels.
        adapted: Whether it was adapted after its training.
        others: Weights of the method's other seeds.
        predictions: One a window.
    """

    name: str
    config: str | os.PathLike
    checkpoint: str | os.PathLike
    colour: str
    target_only: bool = False
    adapted: bool = False
    others: tuple = ()
    predictions: list[Predicted] = field(default_factory=list)

    @property
    def counts(self) -> Tensor | None:
        """Pixels by true and by predicted class over all windows (K, K); None without labels."""
        known = [one.counts for one in self.predictions if one.counts is not None]
        return sum(known[1:], known[0]) if known else None

    @property
    def miou(self) -> float | None:
        """Over all windows together, in [0, 1]; None without labels."""
        return None if self.counts is None or not self.counts.sum() else float(agreement(self.counts))


@dataclass
class Predictions:
    """Windows of the test set with the predictions of all models.

    Attributes:
        windows: The windows.
        models: The models, with a prediction of each window.
        classes: Names of the classes.
        palette: Their colours.
        total: Windows that the test set has.
        problems: A sentence on each model that cannot predict.
    """

    windows: list[Window]
    models: list[Model]
    classes: list[str]
    palette: list
    total: int
    problems: list[str] = field(default_factory=list)

    @property
    def labelled(self) -> bool:
        return any(window.labelled for window in self.windows)


def predict(models: Sequence[Model], windows: int, report: Callable[[str], None]) -> Predictions:
    """Predict windows that are spread evenly over the test set of the first model.

    Args:
        models: The models; their predictions are replaced.
        windows: Largest number of windows.
        report: Called with lines on the progress.

    Returns:
        Predictions of the models that can predict; ``problems`` has a sentence on each of the others.

    Raises:
        UserError: None can.
    """
    found = Predictions([], [], [], [], 0)
    for model in models:
        try:
            _predict(found, model, windows, report)
        except Exception as error:
            if not is_user_error(error):
                raise
            found.problems.append(f'{model.name} predicts nothing: {describe(error)}')
        else:
            found.models.append(model)
    if not found.models:
        raise UserError('; '.join(dict.fromkeys(found.problems)) or 'no run has weights')
    return found


def _predict(found: Predictions, model: Model, windows: int, report: Callable[[str], None]) -> None:
    cfg = load_config(model.config)
    if compared_set(cfg) is None:
        raise UserError(f'config {model.config} has no test set; give it a test_dataloader')
    network = init_model(cfg, model.checkpoint)
    dataset = built_test(compared_set(network.cfg))
    classes = classes_of(dataset)
    if found.windows and (list(classes) != found.classes or len(dataset) != found.total):
        raise UserError(f'{model.config} has other classes or test windows than {found.models[0].config}')
    indices, seen = spread(len(dataset), windows), list(found.windows)
    progress, model.predictions = Progress(len(indices), f'windows of {model.name}', report), []
    for number, index in enumerate(indices):
        sample = inference_model(network, dataset[index])
        if not found.windows:
            seen.append(_window(sample, dataset, len(classes)))
        model.predictions.append(_predicted(sample, seen[number], len(classes)))
        progress.update(number + 1)
    if not found.windows:
        found.windows, found.classes, found.palette = seen, list(classes), list(palette_of(dataset))
        found.total = len(dataset)
    report(f'{model.name}: {len(indices)} of {len(dataset)} windows predicted')


def _window(sample, dataset, classes: int) -> Window:
    truth = None
    if 'gt_sem_seg' in sample:
        truth = sample.gt_sem_seg.data.squeeze(0).cpu().numpy()
        truth = np.where((truth >= 0) & (truth < classes), truth, IGNORE_INDEX).astype(np.uint8)
    meta = sample.metainfo
    place = None if meta.get('window') is None else (int(meta['window'][0]), int(meta['window'][1]))
    gsd = getattr(dataset, 'gsd', None) or _gsd_of_file(dataset, sample.img_path)
    return Window(image_of(sample, dataset), truth, sample.img_path, place, gsd)


def _gsd_of_file(dataset, path: str) -> float | None:
    rasters = {one.path: one.gsd for one in getattr(dataset, 'rasters', ())}
    return rasters.get(path)


def _predicted(sample, window: Window, classes: int) -> Predicted:
    label = predicted_label(sample).cpu()
    logits = sample.seg_logits.data.float()
    prob = logits.softmax(dim=0).amax(dim=0) if len(logits) > 1 else torch.sigmoid(logits[0].abs())
    confidence = prob.cpu().masked_fill(label == IGNORE_INDEX, float('nan')).numpy()
    counts = None
    if window.truth is not None and window.truth.shape == tuple(label.shape):
        truth = torch.from_numpy(window.truth)
        known = (truth != IGNORE_INDEX) & (label != IGNORE_INDEX)
        counts = confusion(truth[known], label[known], classes)
    drawn, size = label.numpy().astype(np.uint8), window.image.shape[:2]
    if drawn.shape != size:  # a segmentor whose answer is finer than its image
        drawn = cv2.resize(drawn, size[::-1], interpolation=cv2.INTER_NEAREST)
    return Predicted(drawn, _smaller(confidence), counts)


def _smaller(image: np.ndarray) -> np.ndarray:
    height, width = image.shape
    scale = min(1.0, SIDE / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA)
