"""Writes pseudo labels for the whole target once, at a stage's start."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np
import torch
from mmengine import dist
from mmengine.runner import Runner
from torch import Tensor, nn

from mmuda.engine.raster_tiles import RasterTiles, check_predictions, name_of, palette_of
from mmuda.structures import IGNORE_INDEX, no_data_of_prediction
from mmuda.utils.errors import UserError
from mmuda.utils.json_file import read_object, write_json

RULES = ('median', 'portion', 'fixed')
LEVELS = 65536  # confidences are kept as 16 bits: thresholds are exact to 1.5e-5
REPORT = 'pseudo_labels.json'


@dataclass(frozen=True)
class ThresholdRule:
    """Which predictions become pseudo labels, class by class.

    Attributes:
        kind: ``'median'``: those at least as confident as the median of their class, or as ``cap`` if the median is
            higher (ISIA/AIM and others: ``min(0.9, median)``). ``'portion'``: the most confident ``portion`` of each
            class (CBST, https://arxiv.org/abs/1810.07911). ``'fixed'``: those at least as confident as ``cap``.
        cap: Confidence in (0, 1].
        portion: In (0, 1].

    Raises:
        UserError: If a value is unknown or out of range.
    """

    kind: str = 'median'
    cap: float = 0.9
    portion: float = 0.5

    def __post_init__(self) -> None:
        if self.kind not in RULES:
            raise UserError(f'pseudo_labels.threshold.kind={self.kind!r} is not known; give one of {list(RULES)}.')
        for name in ('cap', 'portion'):
            if not 0 < getattr(self, name) <= 1:
                raise UserError(f'pseudo_labels.threshold.{name}={getattr(self, name)} must lie in (0, 1].')

    def levels(self, histogram: np.ndarray) -> np.ndarray:
        """Lowest confidence that is kept, by class.

        Args:
            histogram: Number of pixels by predicted class and level of confidence, (K, LEVELS).

        Returns:
            Levels (K); a class that was never predicted gets the level of ``cap``.
        """
        cap = round(self.cap * (LEVELS - 1))
        return np.array([self._level(counts, cap) for counts in histogram])

    def _level(self, counts: np.ndarray, cap: int) -> int:
        total = int(counts.sum())
        if self.kind == 'fixed' or total == 0:
            return cap
        kept = total * (0.5 if self.kind == 'median' else self.portion)
        # At least `kept` pixels are at this level or above.
        from_above = np.cumsum(counts[::-1])
        level = LEVELS - 1 - int(np.searchsorted(from_above, kept - 1e-6))
        return min(level, cap) if self.kind == 'median' else level


@dataclass(frozen=True)
class PseudoLabels:
    """Writes the confident predictions of a whole target set as label rasters.

    Attributes:
        dataloader: Config of a loader of unlabelled target windows (``tile`` of a :class:`RasterDataset`) with a test
            pipeline.
        threshold: Arguments of :class:`ThresholdRule`.
    """

    dataloader: Mapping
    threshold: Mapping

    @classmethod
    def from_cfg(cls, cfg: Mapping, stage: str) -> PseudoLabels:
        """Build and validate.

        Raises:
            UserError: Naming the key.
        """
        known = [f.name for f in fields(cls)]
        if 'dataloader' not in cfg or set(cfg) - set(known):
            raise UserError(
                f"Stage '{stage}': pseudo_labels has the keys {sorted(cfg)}; it needs 'dataloader' and may have "
                f"'threshold'."
            )
        ThresholdRule(**cfg.get('threshold', {}))
        return cls(dataloader=cfg['dataloader'], threshold=dict(cfg.get('threshold', {})))

    def ensure(self, runner: Runner, stage: str, at_start: bool) -> Path:
        """The folder of the stage's pseudo labels; writes them unless exactly these already exist.

        All files appear together once they are complete: ``<folder>/<name of the image>.tif`` on the image's grid, with
        255 where the prediction is unsure or there is no data, and ``pseudo_labels.json`` with thresholds and shares.
        Every rank must call this.

        Args:
            runner: The runner; its model predicts.
            stage: Name of the stage.
            at_start: Whether the stage begins now; the labels must then come from the current model. Otherwise (a
                resume inside the stage) they must already exist.

        Raises:
            UserError: If they are missing in the middle of a stage, or were made with other settings.
        """
        folder = Path(runner.work_dir) / 'pseudo_labels' / stage
        rule = ThresholdRule(**self.threshold)
        wanted = dict(threshold=asdict(rule))
        if at_start:
            wanted['model'] = fingerprint(runner.model)
        report = folder / REPORT
        found = read_object(report, f'remove {folder} and resume from before it') if report.is_file() else None
        if found is not None and all(found.get(key) == value for key, value in wanted.items()):
            runner.logger.info(f"Stage '{stage}': reusing the pseudo labels in {folder}")
            return folder
        if not at_start:
            what = 'are missing' if found is None else f'were made with the threshold {found.get("threshold")}'
            raise UserError(
                f"the pseudo labels of stage '{stage}' in {folder} {what}; they cannot be made again in the middle of "
                f'the stage (threshold {wanted["threshold"]}): put them back, or resume from a checkpoint before it'
            )
        self._write(runner, folder, rule, wanted)
        return folder

    def _write(self, runner: Runner, folder: Path, rule: ThresholdRule, wanted: dict) -> None:
        temporary = folder.with_name(f'.{folder.name}.tmp')
        if dist.is_main_process():
            shutil.rmtree(temporary, ignore_errors=True)
        tiles = RasterTiles(temporary / 'tiles', 'work_dir (--work-dir)')
        tiles.begin()
        loader = Runner.build_dataloader(dict(self.dataloader), seed=runner.seed)
        check_predictions(loader.dataset, folder)
        classes = loader.dataset.metainfo.get('classes') or ()
        histogram = torch.from_numpy(_predict(runner, loader, tiles, len(classes)))
        if dist.is_distributed():
            histogram = histogram.to(next(runner.model.parameters()).device)
            dist.all_reduce(histogram, op='sum')
        histogram = histogram.cpu().numpy()
        levels = rule.levels(histogram)
        # Pixels without data have no class: give them a threshold that no level reaches.
        wanted_levels = np.pad(levels, (0, IGNORE_INDEX + 1 - len(levels)), constant_values=LEVELS)

        def sure_labels(tile: Mapping[str, np.ndarray]) -> np.ndarray:
            label = tile['label']
            return np.where(tile['level'] >= wanted_levels[label], label, IGNORE_INDEX).astype(np.uint8)

        tiles.write(temporary, palette_of(loader.dataset), sure_labels)
        if dist.is_main_process():
            report = describe(histogram, levels, classes)
            write_json({**wanted, 'iteration': runner.iter, 'classes': report}, temporary / REPORT)
            shutil.rmtree(folder, ignore_errors=True)
            os.replace(temporary, folder)
            shares = ', '.join(f'{name} {one["kept"]:.0%} above {one["threshold"]:.2f}' for name, one in report.items())
            runner.logger.info(f'Pseudo labels written to {folder}: {shares}')
        dist.barrier()


def fingerprint(model: nn.Module) -> str:
    """A hash that changes if any bit of the model's weights changes."""
    digest = hashlib.sha1()
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(name.removeprefix('module.').encode())
        digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def describe(histogram: np.ndarray, levels: np.ndarray, classes: Sequence[str]) -> dict[str, dict]:
    """Threshold, number of predicted pixels and share kept, by class."""
    report = {}
    for name, counts, level in zip(classes, histogram, levels, strict=True):
        total = int(counts.sum())
        kept = int(counts[level:].sum()) / total if total else 0.0
        report[name] = dict(threshold=round(float(level) / (LEVELS - 1), 5), pixels=total, kept=round(kept, 5))
    return report


@torch.no_grad()
def _predict(runner: Runner, loader, tiles: RasterTiles, num_classes: int) -> np.ndarray:
    """Store class and confidence of each window; returns pixel counts by class and level (K, LEVELS)."""
    histogram = np.zeros((num_classes, LEVELS), dtype=np.int64)
    was_training = runner.model.training
    runner.model.eval()
    for data in loader:
        for sample in runner.model.test_step(data):
            label, level = _classes_and_levels(sample.seg_logits.data)
            if label.max() >= num_classes:
                raise UserError(
                    f'the model predicts {label.max() + 1} classes, the dataset of pseudo_labels.dataloader has '
                    f'{num_classes}; give it the classes of the source'
                )
            missing = no_data_of_prediction(sample, label.shape)
            if missing is not None:
                label[missing.cpu().numpy()] = IGNORE_INDEX
            known = label != IGNORE_INDEX
            np.add.at(histogram, (label[known], level[known]), 1)
            window = sample.metainfo.get('window') or (0, 0, *label.shape)
            tiles.add(sample, name_of(sample, loader.dataset), window, label=label, level=level)
    runner.model.train(was_training)
    return histogram


def _classes_and_levels(logits: Tensor) -> tuple[np.ndarray, np.ndarray]:
    confidence, label = logits.float().softmax(dim=0).max(dim=0)
    level = (confidence * (LEVELS - 1)).round().clamp(0, LEVELS - 1)
    return label.cpu().numpy().astype(np.uint8), level.cpu().numpy().astype(np.uint16)
