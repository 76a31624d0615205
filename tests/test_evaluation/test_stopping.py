"""What criteria choose along a training."""

import json
import math
import subprocess
import sys

import pytest

from mmuda.evaluation import choices
from tests.helpers import ROOT, unpadded

LOG = dict(
    mIoU={100: 20.0, 200: 30.0, 300: 28.0, 400: 25.0},
    entropy={100: 0.9, 200: 0.5, 300: 0.6, 400: 0.4},
    information_maximisation={100: 0.1, 200: 0.3, 300: 0.3, 400: 0.2},
    soft_neighbourhood_density={100: 1.0, 200: 1.0, 300: 1.0, 400: 1.0},
    loss={50: 1.0},
)


def spearman(a, b):
    """By definition: Pearson's correlation of the ranks, ties sharing the mean of theirs."""

    def ranks(values):
        return [sum(other < v for other in values) + (sum(other == v for other in values) + 1) / 2 for v in values]

    x, y = ranks(a), ranks(b)
    mx, my = sum(x) / len(x), sum(y) / len(y)
    cov = sum((p - mx) * (q - my) for p, q in zip(x, y, strict=True))
    return cov / math.sqrt(sum((p - mx) ** 2 for p in x) * sum((q - my) ** 2 for q in y))


def test_each_criterion_chooses_its_iteration():
    found = {one.criterion: one for one in choices(LOG)}
    assert list(found) == ['last', 'entropy', 'information_maximisation', 'soft_neighbourhood_density', 'best']
    assert {name: one.iteration for name, one in found.items()} == dict(
        last=400, entropy=400, information_maximisation=200, soft_neighbourhood_density=100, best=200
    )
    assert {name: one.truth for name, one in found.items()} == dict(
        last=25.0, entropy=25.0, information_maximisation=30.0, soft_neighbourhood_density=20.0, best=30.0
    )
    truth = list(LOG['mIoU'].values())
    assert found['entropy'].correlation == pytest.approx(spearman([-v for v in LOG['entropy'].values()], truth))
    wanted = spearman(list(LOG['information_maximisation'].values()), truth)
    assert found['information_maximisation'].correlation == pytest.approx(wanted)
    assert math.isnan(found['soft_neighbourhood_density'].correlation) and found['last'].correlation is None


@pytest.mark.parametrize(
    ('log', 'says'),
    [
        ({key: value for key, value in LOG.items() if key != 'entropy'}, "'entropy' was not logged"),
        ({key: dict(list(value.items())[:2]) for key, value in LOG.items()}, '2 validations'),
    ],
)
def test_a_run_that_tells_nothing_is_refused(log, says):
    with pytest.raises(ValueError, match=says):
        choices(log)


def test_the_tool_draws_and_prints(tmp_path):

    for name in ('a', 'b'):
        path = tmp_path / name / '20260101_000000' / 'vis_data' / 'scalars.json'
        path.parent.mkdir(parents=True)
        entries = [dict({key: LOG[key][step] for key in LOG if step in LOG[key]}, step=step) for step in LOG['mIoU']]
        path.write_text('\n'.join(json.dumps(entry) for entry in entries))
    tool = ROOT / 'tools' / 'analysis_tools' / 'when_to_stop.py'
    command = [sys.executable, str(tool), *(str(tmp_path / name) for name in 'ab'), '--out', str(tmp_path / 'c.png')]
    out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert '| information_maximisation | 0.95 ± 0.00 | 30.00 ± 0.00 | +5.00 ± 0.00 | 200 200 |' in unpadded(out)
    assert (tmp_path / 'c.png').is_file()
