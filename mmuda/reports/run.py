"""What the folder of a run holds: config, summary, log, weights with their model card; and what it lacks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mmengine.config import Config

from mmuda.apis.config import load_config
from mmuda.checkpoints.card import card_of
from mmuda.checkpoints.card_file import read_model_file
from mmuda.checkpoints.finding import RESUMABLE_NAME
from mmuda.checkpoints.run_record import record_of
from mmuda.reports.finding import Place
from mmuda.utils.errors import UserError, describe, is_user_error
from mmuda.utils.json_file import read_object
from mmuda.visualization import read_log

ADAPTED = 'adapted.pth'
CONFIGS = ('config/*.py', '*/vis_data/config.py', '*.py')
"""Where a run keeps its resolved config; those of the newest process come first."""


@dataclass
class Run:
    """A run, as far as its folder tells.

    Attributes:
        place: Its folder and its names.
        cfg: Its resolved config, or None.
        config_path: The file of that config.
        summary: Content of ``summary.json``; empty if the training has not ended.
        scalars: Logged scalars by name and iteration.
        checkpoint: Its newest weights that can be read, or None.
        adapted: Weights that were adapted after the training, or None.
        card: The model card of the weights, or None.
        missing: What the folder lacks and how to get it, one sentence each.
    """

    place: Place
    cfg: Config | None = None
    config_path: Path | None = None
    summary: dict = field(default_factory=dict)
    scalars: dict[str, dict[int, float]] = field(default_factory=dict)
    checkpoint: Path | None = None
    adapted: Path | None = None
    card: dict | None = None
    missing: list[str] = field(default_factory=list)

    @classmethod
    def read(cls, place: Place) -> Run:
        """Read a run's folder. What is damaged is told in ``missing``, and left out."""
        run = cls(place)
        for step in (run._read_config, run._read_summary, run._read_log, run._find_weights):
            try:
                step()
            except Exception as error:
                if not is_user_error(error):
                    raise
                run.missing.append(describe(error))
        return run

    @property
    def seed(self) -> int | None:
        """Of its folder's name, else of its summary, else of its config."""
        for seed in (self.place.seed, self.summary.get('seed')):
            if seed is not None:
                return seed
        return ((self.cfg or {}).get('randomness') or {}).get('seed')

    @property
    def metrics(self) -> dict[str, float]:
        """Scores of the last validation; those that could not be computed are left out."""
        return {name: value for name, value in (self.summary.get('metrics') or {}).items() if value is not None}

    @property
    def record(self) -> dict | None:
        """The settings that training depends on."""
        return None if self.cfg is None else record_of(self.cfg)

    @property
    def _resume(self) -> str:
        config = self.config_path or 'CONFIG'
        return f'python tools/train.py {config} --work-dir {self.place.work_dir} --resume auto'

    def _read_config(self) -> None:
        files = [path for pattern in CONFIGS for path in sorted(self.place.work_dir.glob(pattern), reverse=True)]
        if not files:
            raise UserError('there is no config, so neither its data nor its settings are shown; train it again')
        self.config_path = files[0]
        self.cfg = load_config(files[0])

    def _read_summary(self) -> None:
        path = self.place.work_dir / 'summary.json'
        if not path.is_file():
            raise UserError(f'there is no summary.json: the training has not ended; to go on: {self._resume}')
        summary = read_object(path, 'train it again')
        metrics = summary.get('metrics') or {}
        if not isinstance(metrics, Mapping) or not all(isinstance(v, int | float | None) for v in metrics.values()):
            raise UserError(f'metrics of {path} are not numbers by name; train it again')
        self.summary = summary
        if not metrics:
            self.missing.append(f'it has no scores: {summary.get("why") or "it was not validated"}')

    def _read_log(self) -> None:
        if next(self.place.work_dir.glob('*/vis_data/scalars.json'), None) is None:
            raise UserError('there is no log (*/vis_data/scalars.json), so there are no curves of it')
        self.scalars = read_log(self.place.work_dir)

    def _find_weights(self) -> None:
        folder = self.place.work_dir
        matches = {path: RESUMABLE_NAME.fullmatch(path.name) for path in folder.glob('*.pth')}
        numbered = sorted(((int(match[1]), path) for path, match in matches.items() if match), reverse=True)
        files = [path for _, path in numbered]
        adapted = folder / ADAPTED
        if files and adapted.is_file():
            self.adapted = adapted
        for path in files or [adapted]:
            if not path.is_file():
                break
            try:
                loaded = read_model_file(path)
                self.checkpoint, self.card = path, card_of(loaded, path)
                return
            except (UserError, FileNotFoundError) as error:
                self.missing.append(describe(error))
        raise UserError(f'there is no checkpoint that can be read, so nothing is predicted; to get one: {self._resume}')
