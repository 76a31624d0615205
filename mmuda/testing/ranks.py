"""Checks that parts are equal on two ranks; run as a script, it is one of the two processes::

python -m mmuda.testing.ranks FOLDER
"""

from __future__ import annotations

import pickle
import sys
import tempfile
from importlib import import_module
from pathlib import Path

import torch
from mmengine.dist import get_rank

from mmuda.engine import GradSyncWrapper
from mmuda.utils.setup_env import register_all_modules

from .processes import finish, start
from .trial import Case, Trial, differences

CASES = 'cases.pkl'
ITERATIONS = range(3)
LIBRARIES = ('mmcv', 'mmengine', 'mmseg', 'torch')


def check_ranks(*cases: Case) -> None:
    """Train cases on two ranks, each on its own batches, and compare the results.

    Two processes serve all cases, so many cases cost little more than one.

    Args:
        *cases: Results of :func:`term_case`, :func:`view_case` and :func:`segmentor_case`.

    Raises:
        AssertionError: If the ranks have different states afterwards, or different losses on one batch.
    """
    modules = sorted({module for case in cases for module in _modules(case)})
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / CASES).write_bytes(pickle.dumps((modules, cases)))
        try:
            finish(start(['-m', 'mmuda.testing.ranks', folder]))
        except AssertionError as error:
            parts = ', '.join(case.part for case in cases)
            raise AssertionError(f'{parts} must train on two ranks, but one of them stopped:\n{error}') from None
        for i, case in enumerate(cases):
            first, second = (torch.load(Path(folder) / f'{i}_{rank}.pth', weights_only=True) for rank in range(2))
            for what in first:
                unequal = differences(first[what], second[what])
                if unequal:
                    raise AssertionError(
                        f'{case.part} must be equal on two ranks: after {len(ITERATIONS)} iterations their {what} '
                        f'differ in {", ".join(path.strip("/") for path in unequal[:3])}.'
                    )


def _modules(case: Case) -> set[str]:
    """Names of the modules that the types of a case come from, so that another process can import them."""
    trial = Trial(case)
    model = trial.model
    objects = [*model.modules(), *model.views.values(), model.adapter, *trial.datasets.values()]
    names = {type(item).__module__ for item in objects}
    if '__main__' in names:
        found = sorted({type(item).__name__ for item in objects if type(item).__module__ == '__main__'})
        raise AssertionError(
            f'{case.part} must be in a module that a second process can import: {", ".join(found)} is in the script '
            'itself.'
        )
    return {name for name in names if name.partition('.')[0] not in LIBRARIES}


def main(folder: Path) -> None:
    """Train all cases as one of the ranks and write the results."""
    from mmuda.apis.distributed import init_distributed

    torch.set_num_threads(1)
    init_distributed('pytorch', timeout=60)
    modules, cases = pickle.loads((folder / CASES).read_bytes())
    register_all_modules()
    for name in modules:
        import_module(name)
    for i, case in enumerate(cases):
        trial = Trial(case, seed=get_rank())
        GradSyncWrapper(trial.model)  # all ranks start from the weights of the first
        trial.train(ITERATIONS, get_rank())
        state = trial.state()['model']
        torch.save(dict(states=state, losses=trial.losses(len(ITERATIONS))), folder / f'{i}_{get_rank()}.pth')


if __name__ == '__main__':
    main(Path(sys.argv[1]))
