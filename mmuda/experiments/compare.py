"""Trains configs over seeds, each run in its own process, and compares the results."""

import os
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from pprint import pformat

from mmengine.config import Config

from mmuda.apis.adapt_and_choose import adapt_and_choose
from mmuda.apis.candidates import Candidate
from mmuda.apis.config import load_config
from mmuda.apis.same_test import check_same_test
from mmuda.checkpoints.finding import find_checkpoint
from mmuda.experiments.picture import TrainedRun, draw_comparison
from mmuda.experiments.runs import LOG_NAME, Run, train_all
from mmuda.experiments.table import Table
from mmuda.utils.errors import UserError
from mmuda.utils.fileio import write_atomically
from mmuda.utils.json_file import write_json
from mmuda.utils.locks import open_alone

WEIGHTS = ('last', 'best')
# Keys of a config with these prefixes affect neither the weights nor the validation.
NOT_TRAINED = ('test_', 'tta_', 'visualizer', 'log_')


def compare(
    configs: Sequence[str | os.PathLike],
    out: str | os.PathLike,
    train_command: Sequence[str],
    seeds: Sequence[int] = (0, 1, 2),
    cfg_options: dict | None = None,
    jobs: int = 1,
    picture: bool = True,
    report: Callable[[str], None] | None = None,
    target_only: str | os.PathLike | None = None,
    columns: Sequence[str] = (),
    weights: str = 'last',
    choose: bool = False,
) -> Table:
    """Train each config with each seed and write ``table.md``, ``table.json`` and ``comparison.png`` to ``out``.

    A finished run (``summary.json``) with the same config is not repeated; an interrupted one is resumed. If the config
    has changed, the folder of the old run is moved aside. Changes of code or data are not noticed.

    Args:
        configs: Config files; the others are compared with the first.
        out: Folder; the run of a seed goes to ``out/<config name>/seed<seed>``.
        train_command: Command that trains, e.g. ``[sys.executable, 'tools/train.py']``. It receives the config,
            ``--work-dir``, ``--seed`` and ``--resume auto``.
        seeds: Seeds; the same for all configs, so that differences are paired.
        cfg_options: Values by dotted key that override those of every config.
        jobs: Number of parallel runs, which share the cores equally.
        picture: Also draw predictions of the first and the last config side by side.
        report: Called with one line per minute and one at the end of each run; None prints.
        target_only: The config that trains on target labels. It adds the column NAM: the share of the gap between the
            first config and this one that each config closes.
        columns: Other metrics of ``summary.json`` that the table shows, e.g. ``'mFscore'``.
        weights: ``'last'`` uses the metrics of the last validation, ``'best'`` those of the validation chosen by the
            configs' ``save_best``.
        choose: Also choose one of the models of the first seed without labels, as they are or adapted without training
            (:func:`mmuda.apis.adapt_and_choose`), the first config being the one that does not adapt. The answer goes
            to ``choice.md``, the model to ``chosen.pth`` and ``chosen.py``.

    Returns:
        The table; ``str()`` of it is Markdown.

    Raises:
        UserError: If the arguments or configs are wrong, or if runs failed; the table of the other runs is written
            first.
    """
    report = report or partial(print, flush=True)
    if jobs < 1 or not seeds or not configs:
        raise UserError(f'jobs={jobs}, {len(seeds)} seeds and {len(configs)} configs were given; at least one of each')
    if weights not in WEIGHTS:
        raise UserError(f'weights={weights!r} is unknown; choose one of {", ".join(WEIGHTS)}')
    names = [Path(config).stem for config in configs]
    target_only = None if target_only is None else Path(target_only).stem
    if target_only is not None and target_only not in names[1:]:
        raise UserError(
            f'target_only={target_only} is none of the configs after the first, {names[1:]}; add it to them'
        )
    if choose and len([name for name in names if name != target_only]) < 2:
        raise UserError('choose=True needs two configs that read no labels of the target')
    runs = _prepare(configs, Path(out), list(dict.fromkeys(seeds)), cfg_options, report)
    failed = train_all(runs, train_command, jobs, report)
    summaries = [(run.config, run.seed, _judged(run, found, weights)) for run in runs if (found := run.summary)]
    _check_columns(columns, summaries)
    table = Table.from_summaries(summaries, target_only, columns)
    write_atomically(f'{table}\n'.encode(), Path(out) / 'table.md')
    write_json(table.as_dict(), Path(out) / 'table.json')
    if failed:
        raise UserError(
            f'{len(failed)} of {len(runs)} runs failed: {", ".join(f"{run} ({run.log})" for run in failed)}; mend the '
            f'cause and give the same command again, only these are trained; the others are in {Path(out) / "table.md"}'
        )
    if picture:
        _draw(runs, Path(out) / 'comparison.png', report)
    if choose:
        _choose([run for run in runs if run.config != target_only], Path(out), report)
    return table


def _choose(runs: list[Run], out: Path, report: Callable[[str], None]) -> None:
    """Choose among the models of the first seed, as they are and adapted."""
    of_first_seed = [run for run in runs if run.seed == runs[0].seed]
    models = [Candidate(run.config, run.config_path, (find_checkpoint(run.work_dir),)) for run in of_first_seed]
    adapt_and_choose(models, out, runs[0].seed, report)


def _judged(run: Run, summary: dict, weights: str) -> dict:
    """A run's summary with the metrics of the requested weights."""
    if weights == 'last':
        return summary
    if not summary.get('best'):
        raise UserError(
            f'{run.config} chose no checkpoint, so there are no best weights of {run}; set '
            "default_hooks.checkpoint.save_best in its config, or give weights='last'"
        )
    metrics = {name: value for name, value in summary['best'].items() if name not in ('best_score', 'iteration')}
    return dict(summary, metrics=metrics, selection=summary['selection'].removeprefix('last iteration; '))


def _check_columns(columns: Sequence[str], summaries: list[tuple[str, int, dict]]) -> None:
    known = sorted({name for _, _, summary in summaries for name in summary.get('metrics') or {}})
    missing = [name for name in columns if name not in known]
    if summaries and missing:
        raise UserError(f'no run has the metrics {", ".join(missing)}; there is {", ".join(known) or "none"}')


def _prepare(configs, out: Path, seeds: list[int], cfg_options: dict | None, report) -> list[Run]:
    """Write each fully resolved config next to its runs, so that later edits of the file do not affect them."""
    names = [Path(path).stem for path in configs]
    if len(set(names)) < len(names):
        raise UserError(
            f'the configs {", ".join(names)} are not all named differently; rename one, its name is a folder'
        )
    cfgs = {name: load_config(path, cfg_options) for name, path in zip(names, configs, strict=True)}
    check_same_test(cfgs)
    runs = []
    for (name, cfg), path in zip(cfgs.items(), configs, strict=True):
        text, iterations = config_text(cfg), iterations_of(cfg, path)
        for seed in seeds:
            work_dir = out / name / f'seed{seed}'
            copy = work_dir / 'config' / f'{name}.py'  # mmengine writes its own, modified copy to the work_dir
            prepare_run(work_dir, copy, text, report)
            runs.append(Run(name, seed, copy, work_dir, iterations))
    # Seed by seed, so that an early table already has all configs.
    return sorted(runs, key=lambda run: seeds.index(run.seed))


def config_text(cfg: Config) -> str:
    """A resolved config as Python text; mmengine's own takes seconds to format one."""
    values = (f'{key} = {pformat(value, width=120, sort_dicts=False)}\n' for key, value in cfg.to_dict().items())
    return ''.join(values)


def iterations_of(cfg: Config, path: str | os.PathLike) -> int:
    """Length of a config's training, all stages together."""
    train_cfg = cfg.get('train_cfg') or {}
    if train_cfg.get('stages'):
        return sum(stage['iters'] for stage in train_cfg.stages)
    if train_cfg.get('max_iters'):
        return train_cfg.max_iters
    raise UserError(f'config {path}: train_cfg has neither stages nor max_iters; say how long to train')


def prepare_run(
    work_dir: Path, copy: Path, text: str, report: Callable[[str], None], ignored: str | None = None
) -> None:
    """Write the config of a run unless it is there; a run of another config is moved aside.

    So it is neither resumed, counted nor deleted.

    Args:
        work_dir: Folder of the run.
        copy: The run's resolved config in it.
        text: The config to train now.
        report: Called with a line if a run is moved.
        ignored: A dotted key of the config that may differ.

    Raises:
        UserError: If the other run is being trained.
    """
    if holds_run_of(copy, text, ignored):
        return
    if any(path.is_file() for path in (copy, *work_dir.glob('*.pth'))):
        _move_aside(work_dir, report)
    write_atomically(text.encode(), copy)


def _move_aside(work_dir: Path, report: Callable[[str], None]) -> None:
    with open_alone(work_dir / LOG_NAME) as log:  # as a training holds it
        if log is None:
            raise UserError(f'{work_dir} is being trained with another config; wait for it, or give another folder')
    number = 1
    while (aside := work_dir.with_name(f'{work_dir.name}.old{number}')).exists():
        number += 1
    work_dir.rename(aside)
    report(f'{work_dir} holds a run of another config; it is moved to {aside}')


def holds_run_of(copy: Path, text: str, ignored: str | None = None) -> bool:
    """Whether the config of a run trains the same as another.

    Args:
        copy: The run's resolved config; it may be missing.
        text: The other config.
        ignored: A dotted key that may differ.
    """
    if not copy.is_file():
        return False
    stored = copy.read_text(encoding='utf-8')
    return stored == text or trained_part(stored, ignored) == trained_part(text, ignored)


def trained_part(text: str, ignored: str | None = None) -> dict:
    """A config without the keys that affect neither the weights nor the validation, and without another one."""
    cfg = Config.fromstring(text, '.py').to_dict()
    *parents, last = ignored.split('.') if ignored else ['']
    place = cfg
    for parent in parents:
        place = place.get(parent) or {}
    place.pop(last, None)
    return {key: value for key, value in cfg.items() if not key.startswith(NOT_TRAINED)}


def _draw(runs: list[Run], path: Path, report) -> None:
    of_first_seed = [run for run in runs if run.seed == runs[0].seed]
    shown = of_first_seed[0], of_first_seed[-1]
    first, last = (
        TrainedRun(title, run.config_path, run.work_dir, (run.summary.get('metrics') or {}).get('mIoU'))
        for run, title in zip(shown, short_names([run.config for run in shown]), strict=True)
    )
    draw_comparison(first, last, path)
    report(f'picture of the runs with seed {runs[0].seed}: {path}')


def short_names(names: list[str]) -> list[str]:
    """Names without the last words that all share, which say the network and the data."""
    words = [name.split('_') for name in names]
    if len(set(names)) > 1:
        while min(map(len, words)) > 1 and len({of[-1] for of in words}) == 1:
            words = [of[:-1] for of in words]
    return ['_'.join(of) for of in words]
