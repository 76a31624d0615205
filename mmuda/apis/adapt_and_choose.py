"""Adapts trained models without training, and chooses among all without labels."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from mmuda.apis.adapt import ADAPTATION_STEPS, adapt
from mmuda.apis.candidates import Candidate
from mmuda.apis.choose import choose
from mmuda.apis.config import load_config
from mmuda.apis.verdict import Verdict
from mmuda.utils.errors import UserError
from mmuda.utils.fileio import write_atomically

ADAPTED = 'adapted.pth'


def adapt_and_choose(
    models: Sequence[Candidate], out: str | os.PathLike, seed: int = 0, report: Callable[[str], None] = print
) -> Verdict:
    """Adapt trained models to the target (:func:`mmuda.apis.adapt`), then choose (:func:`mmuda.apis.choose`).

    All models take part as they are and adapted, by the ``adaptation_steps`` of their configs or by all steps. An
    adapted model is written beside its checkpoint as ``adapted.pth``.

    The answer in case of doubt is the first model, adapted: on the pairs of docs/results/benchmark.md, batch norm and
    class shares helped in all of 30 trainings. So it is left as it was only where the criterion is sure.

    Args:
        models: The models; the first is the one without adaptation.
        out: Folder for ``choice.md``, the table with the answer, and for the chosen model, ``chosen.py`` and
            ``chosen.pth``.
        seed: Seed of the target crops.
        report: Called with lines for the user.

    Returns:
        The verdict; adapted models have the names of the others with ``', adapted'``.

    Raises:
        UserError: No model can be adapted, and there is one alone.
    """
    found, in_doubt = [], None
    for model in models:
        found.append(model)
        cfg, adapted = load_config(model.config), Path(model.checkpoints[0]).with_name(ADAPTED)
        try:
            adapt(
                cfg,
                model.checkpoints[0],
                adapted,
                cfg.get('adaptation_steps', ADAPTATION_STEPS),
                seed=seed,
                report=report,
            )
        except UserError as error:
            if len(models) == 1:
                raise
            report(f'{model.name} takes part as it was trained alone: {error}')
        else:
            found.append(Candidate(f'{model.name}, adapted', model.config, (adapted,)))
            if model is models[0]:
                in_doubt = found[-1].name
    verdict = choose(found, report=report, in_doubt=in_doubt)
    chosen = next(model for model in found if model.name == verdict.chosen)
    out = Path(out)
    write_atomically(f'{verdict}\n'.encode(), out / 'choice.md')
    for path, name in ((chosen.config, 'chosen.py'), (chosen.checkpoints[0], 'chosen.pth')):
        write_atomically(Path(path).read_bytes(), out / name)
    report(f'{verdict}\n\nThe model: {out / "chosen.py"}, {out / "chosen.pth"}')
    return verdict
