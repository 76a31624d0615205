"""What a benchmark consists of: pairs of a source and a target, and what is measured on each."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import mmuda
from mmuda.apis.new_config import new_config
from mmuda.experiments.products import PRODUCTS
from mmuda.utils.errors import UserError
from mmuda.utils.fileio import write_atomically

FOLDERS = 'folders'
"""The dataset base whose first lines a pair may replace."""
PROFILES = ('full', 'quick')
DOES = ('train', *PRODUCTS)


@dataclass(frozen=True)
class Pair:
    """A source and a target.

    Attributes:
        name: Its name, and its folder in the results.
        data: Dataset base of :func:`mmuda.apis.new_config`, e.g. ``'nairobi2kampala'``; ``'folders'`` is any two
            folders of images and labels, which ``values`` names. None if all entries name configs.
        values: Values in place of those in the first lines of ``configs/_base_/datasets/folders.py``: ``source_root``,
            ``target_root``, ``source_list``, ``classes``, ``source_gsd``, ...
        needs: Folder without which the pair is skipped.
        iters: Length of each training, all stages together.
        tiles: Items of the target training set, in the order in which they are labelled for an entry with ``tiles``.
        tile: Side in pixels of these items; None for whole images.
    """

    name: str
    data: str | None = None
    values: Mapping = field(default_factory=dict)
    needs: str | None = None
    iters: int = 2000
    tiles: Sequence[int] = ()
    tile: int | None = None

    def missing(self) -> str | None:
        """Why the pair cannot be measured here; None if it can."""
        if self.needs is None or Path(self.needs).exists():
            return None
        return f'{self.needs} is not there'


@dataclass(frozen=True)
class Entry:
    """What is measured on each pair: a line of the table.

    Attributes:
        name: Its name in the table.
        method: Method of :func:`mmuda.apis.new_config`; None is ``name``.
        config: Config file in place of a method.
        model: Segmentor; None is the default of the method and the data.
        options: Values by dotted key that override those of the config.
        after: Entry whose checkpoint of the same seed this one starts from.
        start: Key of the config that takes this checkpoint.
        does: ``'train'``; ``'adapt'``, which adapts the checkpoint of ``after`` to target images without training, by
            the steps of :func:`mmuda.apis.adapt` that ``options`` gives as ``adaptation_steps`` (AdaBN alone if it
            gives none); or ``'pair'``, which pairs the patches of both domains by the segmentor of ``after``, with the
            strategy that ``options`` gives as ``pairing_strategy``. An entry after a pairing starts from its file.
        iters: Length of its training; None takes that of the pair.
        tiles: Number of labelled target tiles, for a method that takes some.
        uses_target_labels: Whether it reads labels of the target in another way, so that no choice without labels may
            count it.
        seeds: Its seeds; None takes those of the suite.
    """

    name: str
    method: str | None = None
    config: str | None = None
    model: str | None = None
    options: Mapping = field(default_factory=dict)
    after: str | None = None
    start: str = 'load_from'
    does: str = 'train'
    iters: int | None = None
    tiles: int | None = None
    uses_target_labels: bool = False
    seeds: tuple[int, ...] | None = None


@dataclass(frozen=True)
class Suite:
    """Entries measured on pairs over seeds.

    Attributes:
        pairs: The pairs.
        entries: The entries, in the order of the table. The one that trains on the source alone comes first.
        seeds: Seeds of entries that name none.
        references: Entries that all others are compared with, by seed.
        target_only: The entry that trains on target labels, for NAM; None if there is none.
        cheap: Entries that a method should beat to be worth its cost; the best of them, by pair, is the reference of
            the pooled gain. Only entries without adversary or teacher belong here.
        options: Values by dotted key that override those of every config.
        momentum: Share of the segmentor in each update of the moving average that predicts, for methods that have no
            teacher of their own; None predicts with the last weights.
        note: A line below the tables, e.g. that nothing has converged.
    """

    pairs: Sequence[Pair]
    entries: Sequence[Entry]
    seeds: tuple[int, ...] = (0, 1, 2)
    references: Sequence[str] = ('source_only', 'source_only_augmented')
    target_only: str | None = 'target_only'
    cheap: Sequence[str] = ('source_only', 'source_only_augmented', 'adabn')
    options: Mapping = field(default_factory=dict)
    momentum: float | None = 0.01
    note: str = ''

    def __post_init__(self) -> None:
        for what, items in (('pairs', self.pairs), ('entries', self.entries)):
            names = [item.name for item in items]
            twice = sorted({name for name in names if names.count(name) > 1})
            if twice or not names:
                raise UserError(f'suite: {what} need different names, and there must be one at least; {twice or names}')
        known = [entry.name for entry in self.entries]
        for position, entry in enumerate(self.entries):
            if entry.after is not None and entry.after not in known[:position]:
                raise UserError(f'suite: {entry.name} starts from {entry.after!r}, which is no entry before it')
            if entry.does not in DOES:
                raise UserError(f'suite: {entry.name} does {entry.does!r}; there is {", ".join(DOES)}')
            if entry.does != 'train' and entry.after is None:
                raise UserError(f'suite: {entry.name} does {entry.does!r}; say after which entry (after=...)')

    def entry(self, name: str) -> Entry:
        return next(entry for entry in self.entries if entry.name == name)

    def narrowed(self, pairs: Sequence[str], entries: Sequence[str], seeds: Sequence[int]) -> Suite:
        """The suite with these pairs, entries and seeds alone; nothing named means all. Entries that they start from
        are kept.

        Raises:
            UserError: A name is unknown.
        """
        for what, chosen, items in (('pair', pairs, self.pairs), ('entry', entries, self.entries)):
            unknown = [name for name in chosen if name not in [item.name for item in items]]
            if unknown:
                known = ', '.join(item.name for item in items)
                raise UserError(f'the suite has no {what} {unknown[0]!r}; it has {known}')
        kept = set(entries)
        for entry in reversed(self.entries):
            if entry.name in kept and entry.after:
                kept.add(entry.after)
        return replace(
            self,
            pairs=[pair for pair in self.pairs if not pairs or pair.name in pairs],
            entries=[
                replace(entry, seeds=tuple(seeds) or entry.seeds)
                for entry in self.entries
                if not kept or entry.name in kept
            ],
            seeds=tuple(seeds) or self.seeds,
        )

    def seeds_of(self, entry: Entry) -> tuple[int, ...]:
        """Seeds of an entry, with those of the entries that start from it."""
        own = self.seeds if entry.seeds is None else entry.seeds
        later = [seed for other in self.entries if other.after == entry.name for seed in self.seeds_of(other)]
        return tuple(dict.fromkeys([*own, *later]))


def load_suite(name: str, profile: str = 'full') -> Suite:
    """Read a suite: the variable ``full`` or ``quick`` of a Python file.

    Args:
        name: Name of a file of ``benchmarks/suites``, or path of any file.
        profile: The variable.

    Raises:
        UserError: There is no such file, or it has no such suite.
    """
    folder = Path(mmuda.__file__).parents[1] / 'benchmarks' / 'suites'
    path = Path(name) if name.endswith('.py') else folder / f'{name}.py'
    if not path.is_file():
        known = ', '.join(sorted(file.stem for file in folder.glob('*.py'))) or 'none'
        raise UserError(f'{path} is not there; give the path of a suite, or one of {known}')
    spec = importlib.util.spec_from_file_location(f'mmuda_suite_{path.stem}', path)
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except UserError:
        raise
    except Exception as error:
        raise UserError(f'{path} cannot be read: {type(error).__name__}: {error}') from error
    suite = getattr(module, profile, None)
    if not isinstance(suite, Suite):
        there = ', '.join(key for key in PROFILES if isinstance(getattr(module, key, None), Suite)) or 'none'
        raise UserError(f'{path} has no suite {profile!r}; it has {there}')
    known = [entry.name for entry in suite.entries]
    named = [*suite.references, *suite.cheap, *filter(None, [suite.target_only])]
    unknown = [name for name in named if name not in known]
    if unknown or not suite.references:
        raise UserError(
            f'{path}: references, cheap and target_only name entries; {unknown[:1] or "no reference"} is none'
        )
    return suite


def write_config(pair: Pair, entry: Entry, folder: Path) -> Path:
    """The config file of an entry on a pair; written into ``folder`` unless the entry names one.

    Raises:
        UserError: The method does not go with the data, or ``values`` names what the base does not have.
    """
    if entry.config is not None:
        return Path(entry.config)
    if pair.data is None:
        raise UserError(f'suite: the pair {pair.name} has no data, and the entry {entry.name} no config; give one')
    text = new_config(entry.method or entry.name, pair.data, entry.model).replace("'../", "'mmuda::")
    if pair.values:
        base = folder / f'data_{pair.name}.py'
        write_atomically(_with_values(pair).encode(), base)
        text = text.replace(f"'mmuda::_base_/datasets/{FOLDERS}.py'", f"'./{base.name}'")
    path = folder / f'{entry.name}_{pair.name}.py'
    write_atomically(text.encode(), path)
    return path


def _with_values(pair: Pair) -> str:
    if pair.data != FOLDERS:
        raise UserError(f'suite: the pair {pair.name} gives values to {pair.data!r}; only {FOLDERS!r} takes some')
    package = Path(mmuda.__file__).parent
    roots = (package.parent / 'configs', package / '.mim' / 'configs')
    text = next(path for root in roots if (path := root / '_base_' / 'datasets' / f'{FOLDERS}.py').is_file())
    head, rest = text.read_text(encoding='utf-8').split('\n\n', 1)
    assignments = ''.join(f'{key} = {value!r}\n' for key, value in pair.values.items())
    unknown = [key for key in pair.values if not re.search(rf'^(\w+(, | = ))*{key}(, \w+)* = ', head, re.MULTILINE)]
    if unknown:
        raise UserError(
            f'suite: the pair {pair.name} gives {unknown[0]!r}, which is none of the first lines of {FOLDERS}.py'
        )
    return f'{head}\n{assignments}\n{rest}'
