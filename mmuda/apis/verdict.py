"""The answer to which of several models is to be used."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from pathlib import Path

from mmuda.evaluation.stopping import LOWER_IS_BETTER
from mmuda.utils.json_file import write_json
from mmuda.utils.markdown import markdown_table


@dataclass
class Judged:
    """A candidate.

    Attributes:
        name: Its name.
        scores: Value by criterion; NaN where one cannot be computed.
        sure: By criterion, the share of the resamples in which it beats the answer in case of doubt; empty for that
            one, and without the criteria that cannot be resampled.
    """

    name: str
    scores: dict[str, float]
    sure: dict[str, float]


@dataclass
class Verdict:
    """A choice among candidates; ``str()`` is a table with the answer.

    Attributes:
        candidates: All of them, in order.
        criterion: Name of the criterion that chose.
        unadapted: Name of the model without adaptation.
        in_doubt: Name of the answer in case of doubt.
        best: The candidate with the best score.
        chosen: The answer: ``best`` if it is surely better than ``in_doubt``, else the latter.
        level: Share of the resamples that counts as sure.
        windows: Number of target windows.
    """

    candidates: list[Judged]
    criterion: str
    unadapted: str
    in_doubt: str
    best: str
    chosen: str
    level: float
    windows: int

    @property
    def adapt(self) -> bool:
        """Whether an adapted model was chosen."""
        return self.chosen != self.unadapted

    def as_dict(self) -> dict:
        rows = {
            one.name: dict(
                scores={key: None if math.isnan(value) else value for key, value in one.scores.items()}, sure=one.sure
            )
            for one in self.candidates
        }
        head = {
            key: getattr(self, key)
            for key in ('criterion', 'unadapted', 'in_doubt', 'best', 'chosen', 'level', 'windows')
        }
        return dict(head, adapt=self.adapt, candidates=rows)

    def write(self, path: str | os.PathLike) -> None:
        """Write everything as JSON."""
        write_json(self.as_dict(), Path(path))

    def __str__(self) -> str:
        names = list(self.candidates[0].scores)
        header = ['model', *names, f'beats {self.in_doubt}']
        rows = []
        for one in self.candidates:
            cells = ['-' if math.isnan(one.scores[name]) else f'{one.scores[name]:.3f}' for name in names]
            sure = one.sure.get(self.criterion)
            rows.append([one.name, *cells, '' if sure is None else f'{100 * sure:.0f} %'])
        lower = ', '.join(LOWER_IS_BETTER)
        return '\n\n'.join(
            [
                markdown_table(header, rows),
                f'{self.windows} target windows without labels. Higher is better, but for {lower}.',
                self.answer,
            ]
        )

    @property
    def answer(self) -> str:
        """The choice, and how sure it is, in one sentence."""
        sure = next(one.sure.get(self.criterion) for one in self.candidates if one.name == self.best)
        told = '' if sure is None else f' (it beats {self.in_doubt} in {100 * sure:.0f} % of the resamples)'
        start = f'Use {self.chosen}' if self.adapt else 'Do not adapt'
        if self.chosen != self.best:
            return f'{start}: {self.best} is the best by {self.criterion}, but not surely better{told}.'
        if self.best == self.unadapted == self.in_doubt:
            return f'Do not adapt: by {self.criterion} no model is better than {self.unadapted}.'
        best = 'it' if self.adapt else self.best
        return f'{start}: {best} is the best by {self.criterion}{told}.'
