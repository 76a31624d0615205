"""Runs a suite: trains what is missing, and writes the tables of what is there."""

from __future__ import annotations

import copy
import hashlib
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from mmengine.config import Config

from mmuda.apis.config import load_config
from mmuda.apis.same_test import check_same_test
from mmuda.experiments import products
from mmuda.experiments.benchmark_choice import compare_criteria
from mmuda.experiments.benchmark_results import Results
from mmuda.experiments.compare import config_text, holds_run_of, iterations_of, prepare_run, trained_part
from mmuda.experiments.products import PRODUCTS
from mmuda.experiments.runs import Run, train_all
from mmuda.experiments.suite import Entry, Pair, Suite, write_config
from mmuda.utils.errors import UserError
from mmuda.utils.locks import open_alone

QUARTERS = 4
CHECKPOINTS = 1000  # iterations from one to the next


@dataclass
class Cell:
    """One entry on one pair with one seed.

    Attributes:
        run: The training, or the adaptation of batch norm.
        before: The cell whose checkpoint it starts from; None if there is none.
        text: Its config.
    """

    pair: Pair
    entry: Entry
    seed: int
    run: Run
    before: Cell | None
    text: str

    @property
    def level(self) -> int:
        return 0 if self.before is None else self.before.level + 1

    @property
    def checkpoint(self) -> Path:
        """What it leaves for entries that start from it."""
        return self.run.work_dir / PRODUCTS.get(self.entry.does, f'iter_{self.run.iterations}.pth')

    @property
    def digest(self) -> str:
        """Of its config without the path that it starts from; ``started_from`` in it says what that is."""
        ignored = self.entry.start if self.before else None
        return hashlib.sha256(repr(trained_part(self.text, ignored)).encode()).hexdigest()[:16]

    def is_current(self, report: Callable[[str], None]) -> bool:
        """Whether its folder holds a run of its config; else it is reported."""
        current = holds_run_of(self.run.config_path, self.text, self.entry.start)
        if not current:
            report(f'{self.run} in {self.run.work_dir} is a run of another config, and is left out')
        return current

    def prepare(self, report: Callable[[str], None]) -> None:
        """Write its config; a run of another config is moved aside."""
        prepare_run(self.run.work_dir, self.run.config_path, self.text, report, self.entry.start)


def benchmark(
    suite: Suite,
    out: str | os.PathLike,
    train_command: Sequence[str],
    jobs: int = 1,
    shard: tuple[int, int] = (0, 1),
    train: bool = True,
    choose: bool = False,
    table: Suite | None = None,
    report: Callable[[str], None] | None = None,
) -> Results:
    """Train what is missing of a suite, and write ``results.md``, ``.csv``, ``.json`` and ``gain.png`` to ``out``.

    A run of the same config that has ended is not repeated, and an interrupted one is resumed. Several processes, also
    on several machines that share ``out``, can work on one suite: a run that another process trains is left to it.

    Args:
        suite: The suite.
        out: Folder; a run goes to ``out/<pair>/<entry>/seed<seed>``.
        train_command: Command that trains, see :func:`mmuda.experiments.compare`.
        jobs: Trainings at a time. They share the cores equally, and the GPUs in turns.
        shard: ``(i, n)``: of n shares of the work, the i-th, counted from 0. All entries of a pair and a seed belong to
            one share.
        train: False writes the tables of what is there.
        choose: Also score all models by criteria that need no label, and write what each would have chosen.
        table: The suite that the tables show, if it has more than the one to train.
        report: Called with lines for the user; None prints.

    Returns:
        The results.

    Raises:
        UserError: The suite or a config is wrong, or trainings failed; the tables of the others are written first.
    """
    report = report or partial(print, flush=True)
    out = Path(out)
    skipped = {pair.name: reason for pair in (table or suite).pairs if (reason := pair.missing())}
    for name, reason in skipped.items():
        report(f'{name} is skipped: {reason}')
    failed, configs = [], {}
    if train:
        cells = _share(_cells(suite, skipped, out, configs), *shard)
        if shard[1] > 1:
            report(f'share {shard[0]} of {shard[1]}: {len(cells)} runs')
        out.mkdir(parents=True, exist_ok=True)
        with open_alone(out / '.cells.lock', wait=True):
            for cell in cells:
                cell.prepare(report)
        failed = _train(cells, list(train_command), jobs, report)
    cells = _cells(table or suite, skipped, out, configs, only_ended=True)
    ended = [cell for cell in cells if cell.is_current(report)]
    results = Results.of(table or suite, ended, skipped)
    results.write(out)
    if choose:
        results.comparisons = compare_criteria(table or suite, ended, out, report)
        results.write(out)
    report(f'tables: {out / "results.md"}')
    if failed:
        raise UserError(
            f'{len(failed)} trainings failed: {", ".join(f"{run} ({run.log})" for run in failed)}; mend the cause and '
            'give the same command again'
        )
    return results


def shard_of(text: str | None) -> tuple[int, int]:
    """Index and number of shares.

    Args:
        text: ``I/N``; None takes the number of this task and of all tasks that ``srun`` started, else the whole.

    Raises:
        UserError: It has another form.
    """
    if text is None:
        # A shell of salloc and the script of sbatch have SLURM_NTASKS too, but no step.
        text = f'{os.environ.get("SLURM_PROCID", 0)}/{os.environ.get("SLURM_STEP_NUM_TASKS", 1)}'
    index, _, number = text.partition('/')
    if not (index.isdecimal() and number.isdecimal() and int(index) < int(number)):
        raise UserError(f'--shard {text} is not I/N with I from 0 to N - 1, e.g. 0/4')
    return int(index), int(number)


def _train(cells: list[Cell], command: list[str], jobs: int, report) -> list[Run]:
    """Train level by level, so that each run finds the checkpoint that it starts from; returns the failed runs."""
    failed = []
    for level in range(1 + max((cell.level for cell in cells), default=-1)):
        ready = []
        for cell in cells:
            if cell.level != level or cell.run.summary is not None:
                continue
            if cell.before is not None and cell.before.run.summary is None:
                report(f'{cell.run} waits for {cell.before.run}, which has not ended')
            else:
                ready.append(cell.run)
        if ready:
            failed += train_all(ready, command, jobs, report, skip_taken=True)
    return failed


def _share(cells: list[Cell], index: int, count: int) -> list[Cell]:
    groups = list(dict.fromkeys((cell.pair.name, cell.seed) for cell in cells))
    mine = {group for number, group in enumerate(groups) if number % count == index}
    return [cell for cell in cells if (cell.pair.name, cell.seed) in mine]


def _cells(
    suite: Suite,
    skipped: Mapping[str, str],
    out: Path,
    configs: dict[tuple[str, str], Config],
    only_ended: bool = False,
) -> list[Cell]:
    """All cells, by seed, then by pair: an early table already has all entries. Nothing but configs is written.

    Args:
        suite: The suite.
        skipped: Names of pairs to leave out.
        out: Folder of the runs.
        configs: Configs by pair and entry that are loaded already; it gets those that are loaded now.
        only_ended: Leave out what has not ended, and entries without an end on a pair.
    """
    pairs = [pair for pair in suite.pairs if pair.name not in skipped]
    wanted: dict[str, list[Entry]] = {}
    for pair in pairs:
        folder = out / pair.name
        wanted[pair.name] = [
            entry for entry in suite.entries if not only_ended or any((folder / entry.name).glob('seed*/summary.json'))
        ]
        for entry in wanted[pair.name]:
            if (pair.name, entry.name) not in configs:
                configs[pair.name, entry.name] = _load(suite, pair, entry, out)
        of_pair = {entry.name: configs[pair.name, entry.name] for entry in wanted[pair.name]}
        check_same_test({name: cfg for name, cfg in of_pair.items() if cfg.get('val_dataloader')})
    seeds = list(dict.fromkeys(seed for entry in suite.entries for seed in suite.seeds_of(entry)))
    cells: dict[tuple, Cell] = {}
    for seed in seeds:
        for pair in pairs:
            for entry in wanted[pair.name]:
                if seed in suite.seeds_of(entry):
                    before = cells.get((pair.name, entry.after, seed))
                    cfg = configs[pair.name, entry.name]
                    cells[pair.name, entry.name, seed] = _cell(pair, entry, seed, cfg, before, out)
    if only_ended:
        return [cell for cell in cells.values() if (cell.run.work_dir / 'summary.json').is_file()]
    return list(cells.values())


def _cell(pair: Pair, entry: Entry, seed: int, cfg: Config, before: Cell | None, out: Path) -> Cell:
    work_dir = out / pair.name / entry.name / f'seed{seed}'
    if before is not None:
        # The digest says what it starts from; the path may be another one on another machine.
        cfg = copy.deepcopy(cfg)
        cfg.started_from = before.digest
        cfg.merge_from_dict({entry.start: str(before.checkpoint.resolve())})
    path = work_dir / 'config' / f'{entry.name}.py'
    run = Run(f'{pair.name}/{entry.name}', seed, path, work_dir, iterations_of(cfg, path))
    if entry.does in PRODUCTS:
        run.command, run.iterations = [sys.executable, '-m', products.__name__, entry.does], 0
    return Cell(pair, entry, seed, run, before, config_text(cfg))


def _load(suite: Suite, pair: Pair, entry: Entry, out: Path) -> Config:
    """The config of an entry on a pair, at the pair's length and with the suite's settings."""
    if entry.does == 'adapt':
        before = suite.entry(entry.after)
        entry = replace(before, options={**before.options, **entry.options})
    path = write_config(pair, entry, out / 'configs')
    options = {**suite.options, **entry.options}
    cfg = load_config(path, options)
    iters = entry.iters or pair.iters
    lengths = _lengths(cfg, iters)
    # Test labels are read once per run; on target-only, whose training they are, the curve shows whether it converged.
    interval = iters // QUARTERS if entry.name == suite.target_only else iters
    settings = {**lengths, 'train_cfg.val_interval': interval}
    if (cfg.get('default_hooks') or {}).get('checkpoint'):
        settings['default_hooks.checkpoint.interval'] = max(1, min(CHECKPOINTS, iters // 2))
    model = cfg.get('model') or {}
    if suite.momentum is not None and model.get('type') == 'DomainAdaptation' and model.get('ema', {}) is not None:
        settings['model.ema.evaluate'] = True
        if not model.get('ema'):
            settings['model.ema.momentum'] = suite.momentum
    if entry.tiles is not None:
        settings |= _labelled_tiles(pair, entry)
    return load_config(path, {**settings, **options})


def _lengths(cfg: Config, iters: int) -> dict[str, int]:
    """Options that give the training this length; stages keep their shares."""
    stages = cfg.train_cfg.get('stages')
    if not stages:
        return {'train_cfg.max_iters': iters}
    total, done, lengths = sum(stage['iters'] for stage in stages), 0, {}
    for stage in stages:
        end = round((done + stage['iters']) / total * iters)
        start = round(done / total * iters)
        lengths[f'train_cfg.iters.{stage["name"]}'] = end - start
        done += stage['iters']
    return lengths


def _labelled_tiles(pair: Pair, entry: Entry) -> dict:
    if len(pair.tiles) < entry.tiles:
        raise UserError(f'suite: {entry.name} labels {entry.tiles} tiles; the pair {pair.name} names {len(pair.tiles)}')
    stream = 'train_dataloader.dataset.labelled_target'
    options = {f'{stream}.indices': list(pair.tiles[: entry.tiles]), f'{stream}.tile': pair.tile}
    return options | ({f'{stream}.last_tile': 'shift'} if pair.tile else {})
