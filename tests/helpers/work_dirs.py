"""Folders of runs as trainings leave them: config, summary, log and weights, of two models that a fixture made."""

import json
import shutil
from pathlib import Path

METRICS = {'mIoU': 40.0, 'IoU.ground': 50.0, 'IoU.roof': 30.0}


def write_log(work_dir: Path, scalars: dict) -> None:
    """``scalars`` by name and iteration, a line an iteration as mmengine writes them."""
    path = work_dir / '20260101_000000' / 'vis_data' / 'scalars.json'
    path.parent.mkdir(parents=True, exist_ok=True)
    steps = sorted({step for values in scalars.values() for step in values})
    lines = [{**{key: of[step] for key, of in scalars.items() if step in of}, 'step': step} for step in steps]
    path.write_text(''.join(json.dumps(line) + '\n' for line in lines))


def write_run(work_dir, config=None, weights=None, seed=0, scalars=None, metrics=METRICS, **summary) -> Path:
    """The folder of a run; what is None is left out, as by a training that was killed.

    Args:
        work_dir: The folder.
        config: File of its config.
        weights: File of its last weights.
        seed: Its seed.
        scalars: What it logged.
        metrics: Scores of its last validation.
        summary: Further entries of ``summary.json``.
    """
    work_dir = Path(work_dir)
    work_dir.mkdir(parents=True, exist_ok=True)
    if config is not None:
        (work_dir / 'config').mkdir(exist_ok=True)
        shutil.copy(config, work_dir / 'config' / f'{work_dir.parent.name}.py')
    if weights is not None:
        shutil.copy(weights, work_dir / 'iter_1.pth')
    if scalars is not None:
        write_log(work_dir, scalars)
    if metrics is not None:
        head = dict(mode='train', seed=seed, metrics=metrics, seconds=10.0, iterations=1, selection='last iteration')
        (work_dir / 'summary.json').write_text(json.dumps({**head, **summary}))
    return work_dir
