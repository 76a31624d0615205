"""Which folders below the given ones hold runs, and what each run is called."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mmuda.experiments.compare import short_names
from mmuda.utils.errors import UserError
from mmuda.utils.json_file import read_object

SEED = re.compile(r'seed(\d+)')
MARKS = ('summary.json', '*/vis_data', '*.pth', 'config/*.py', 'console.log')
"""What a run leaves; one of them is enough."""
DAMAGED = 'move it away, or give the folders of the runs themselves'


@dataclass(frozen=True)
class Place:
    """A run's folder.

    Attributes:
        work_dir: The folder.
        method: Name of what was trained; runs of one method differ by their seed.
        pair: Name of the source and the target, where a benchmark has several; else ''.
        seed: The seed that the folder's name gives; None if it gives none.
    """

    work_dir: Path
    method: str
    pair: str = ''
    seed: int | None = None


@dataclass(frozen=True)
class Found:
    """Runs of one or several folders.

    Attributes:
        places: The runs in order; the first method is the one that does not adapt, unless the user says otherwise.
        target_only: Name of the method that was trained on the target's labels, if an experiment says so.
    """

    places: list[Place]
    target_only: str | None = None


def find_runs(folders: Sequence[str | os.PathLike]) -> Found:
    """The runs in folders of ``tools/train.py``, ``tools/compare.py`` or ``tools/benchmark.py``.

    Args:
        folders: A run's own folder, a folder of runs, or that of an experiment.

    Raises:
        UserError: A folder is not there, or holds no run.
    """
    found = [_in_folder(Path(os.path.abspath(folder))) for folder in folders]
    places = list({place.work_dir: place for one in found for place in one.places}.values())
    return Found(places, next((one.target_only for one in found if one.target_only), None))


def _in_folder(folder: Path) -> Found:
    if not folder.is_dir():
        raise UserError(f'{folder} is no folder; give the folder of a run (--work-dir of tools/train.py)')
    if _seeds(folder):
        return Found([Place(path, folder.name, '', seed) for seed, path in _seeds(folder)])
    methods = [path for path in _by_age(folder) if _seeds(path)]
    if methods:
        return _comparison(folder, methods)
    pairs = {path.name: [child for child in _by_age(path) if _seeds(child)] for path in _by_age(folder)}
    pairs = {name: children for name, children in pairs.items() if children}
    if pairs:
        return _benchmark(folder, pairs)
    if is_run(folder):
        seed = SEED.fullmatch(folder.name)
        return Found([Place(folder, folder.parent.name, '', int(seed[1])) if seed else Place(folder, folder.name)])
    runs = [path for path in _folders(folder) if is_run(path)]
    if not runs:
        raise UserError(
            f'{folder} holds no run: no {", ".join(MARKS)}; give the folder of a run of tools/train.py, or of an '
            'experiment of tools/compare.py or tools/benchmark.py'
        )
    return Found([Place(path, path.name) for path in runs])


def is_run(folder: Path) -> bool:
    """Whether a folder holds something that a training leaves."""
    return any(next(folder.glob(mark), None) is not None for mark in MARKS)


def _folders(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith('.'))


def _by_age(folder: Path) -> list[Path]:
    """Folders in the order in which an experiment made them, which is that of its configs."""
    return sorted(_folders(folder), key=lambda path: (path.stat().st_ctime_ns, path.name))


def _seeds(folder: Path) -> list[tuple[int, Path]]:
    """The runs of one method by their seed, without those that were moved aside."""
    found = [(SEED.fullmatch(path.name), path) for path in _folders(folder)]
    return sorted((int(match[1]), path) for match, path in found if match and is_run(path))


def _comparison(folder: Path, methods: list[Path]) -> Found:
    table, order, target_only = folder / 'table.json', [], None
    if table.is_file():
        content = read_object(table, DAMAGED, keys=('rows',))
        order, target_only = [row['config'] for row in content['rows']], content.get('target_only')
    pair = folder.name if (folder.parent / 'results.json').is_file() else ''
    if pair:
        content = read_object(folder.parent / 'results.json', DAMAGED, keys=('pairs',))
        order, target_only = list(content['pairs'].get(pair, {}).get('entries', ())), content.get('target_only')
    methods = _sorted(methods, order)
    names = dict(zip(methods, short_names([path.name for path in methods]), strict=True))
    places = [Place(path, names[method], pair, seed) for method in methods for seed, path in _seeds(method)]
    return Found(places, next((name for path, name in names.items() if path.name == target_only), None))


def _benchmark(folder: Path, pairs: dict[str, list[Path]]) -> Found:
    order, target_only = {}, None
    if (folder / 'results.json').is_file():
        content = read_object(folder / 'results.json', DAMAGED, keys=('pairs',))
        order = {name: list(pair.get('entries', ())) for name, pair in content['pairs'].items()}
        target_only = content.get('target_only')
    places = [
        Place(path, method.name, pair, seed)
        for pair, methods in pairs.items()
        for method in _sorted(methods, order.get(pair, ()))
        for seed, path in _seeds(method)
    ]
    return Found(places, target_only)


def _sorted(folders: list[Path], order: Sequence[str]) -> list[Path]:
    return sorted(folders, key=lambda path: order.index(path.name) if path.name in order else len(order))
