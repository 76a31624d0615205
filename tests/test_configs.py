"""The configs that ship are there under the promised names, and each of them can be run."""

import pytest

from mmuda.apis import load_config
from tests.helpers import CONFIGS
from tests.helpers.on_meta import check_on_meta, forward_once  # noqa: F401  (a fixture)

FOLDER = CONFIGS / 'srda'
METHODS = ('noadapt', 'srs', 'srs_pdc', 'srs_odc', 'srda')
DATA = ('synthetic', 'nairobi2kampala', 'mass2inria', 'vaih2pots')
LEAVES = sorted(path for path in CONFIGS.glob('*/*.py') if path.parent.name != '_base_')
TERMS = dict(noadapt=set(), srs=set(), srs_pdc={'pixel'}, srs_odc={'output'}, srda={'pixel', 'output'})


@pytest.mark.parametrize('data', DATA)
@pytest.mark.parametrize('method', METHODS)
def test_the_ladder_has_its_discriminators_and_no_labels_of_the_target(method, data):
    cfg = load_config(FOLDER / f'{method}_resaspp_{data}.py')
    terms = cfg.model.get('terms') or {}
    assert {name for name in ('pixel', 'output') if terms.get(name)} == TERMS[method]
    streams = cfg.train_dataloader.dataset
    assert streams.type == 'UDADataset' and streams.source.get('labelled', True)
    target = streams.get('target')
    assert target is None or target.labelled is False
    assert (cfg.test_dataloader, cfg.test_evaluator) == (cfg.val_dataloader, cfg.val_evaluator)
    optimizers = {name for name, value in cfg.optim_wrapper.items() if isinstance(value, dict)}
    assert optimizers <= set(cfg.param_scheduler)


@pytest.mark.parametrize('path', sorted(FOLDER.glob('*.py')), ids=lambda path: path.stem)
def test_no_checkpoint_is_chosen_by_labels_of_the_target(path):
    cfg = load_config(path)
    assert cfg.default_hooks.checkpoint.get('save_best') is None
    assert cfg.default_hooks.checkpoint.max_keep_ckpts >= 2


@pytest.mark.parametrize('folder', sorted({path.parent.name for path in LEAVES}))
def test_a_config_is_prepared_and_its_stages_fit_the_streams(folder, forward_once):  # noqa: F811
    """No dataset is read, and nothing is allocated."""
    wrong = {}
    for path in LEAVES:
        if path.parent.name == folder:
            try:
                check_on_meta(path)
            except Exception as error:
                wrong[path.name] = error
    assert not wrong


def test_the_tree_stays_small():
    assert len(LEAVES) < 190
    assert sum(len(path.read_text().splitlines()) for path in CONFIGS.rglob('*.py')) < 3100
