"""The configs that ship are there under the promised names, and each of them can be run."""

import pytest
from mmengine.config import Config

from mmuda.apis import counts, load_config, prepare
from mmuda.apis.config_walk import loaders_of
from mmuda.models.wrappers import Stage
from mmuda.utils.patterns import select
from tests.helpers import CONFIGS

FOLDER = CONFIGS / 'srda'
METHODS = ('noadapt', 'srs', 'srs_pdc', 'srs_odc', 'srda')
DATA = ('synthetic', 'nairobi2kampala', 'mass2inria', 'vaih2pots')
LEAVES = sorted(path for path in CONFIGS.glob('*/*.py') if path.parent.name != '_base_')
TERMS = dict(noadapt=set(), srs=set(), srs_pdc={'pixel'}, srs_odc={'output'}, srda={'pixel', 'output'})


@pytest.mark.parametrize('data', DATA)
@pytest.mark.parametrize('method', METHODS)
def test_the_ladder_has_its_discriminators_and_no_labels_of_the_target(method, data):
    cfg = Config.fromfile(FOLDER / f'{method}_resaspp_{data}.py')
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
    cfg = Config.fromfile(path)
    assert cfg.default_hooks.checkpoint.get('save_best') is None
    assert cfg.default_hooks.checkpoint.max_keep_ckpts >= 2


FORWARDS, MODELS_BUILT = {}, {}


@pytest.fixture
def forward_once(monkeypatch):
    """Many configs of the tree differ in their data alone: each segmentor is forwarded once for all of them."""
    forward = counts.forward_on_meta

    def remembered(cfg, model, taps):
        return once(FORWARDS, (model['segmentor'], sorted(taps)), lambda: forward(cfg, model, taps))

    monkeypatch.setattr(counts, 'forward_on_meta', remembered)


def once(known, key, make):
    key = repr(key)
    if key not in known:
        known[key] = make()
    return known[key]


@pytest.mark.parametrize('path', LEAVES, ids=lambda path: f'{path.parent.name}-{path.stem}')
def test_a_config_is_prepared_and_its_stages_fit_the_streams(path, forward_once):
    """No dataset is read, and nothing is allocated."""
    cfg = prepare(load_config(path))
    model = once(MODELS_BUILT, cfg.model, lambda: counts.build_on_meta(cfg.model))
    loaders = dict(loaders_of(cfg))
    for index, stage in enumerate(cfg.train_cfg.stages):
        loader = loaders.get(f'train_cfg.stages.{index}.train_dataloader', cfg.train_dataloader)
        streams = {name for name, value in loader.dataset.items() if isinstance(value, dict) and 'type' in value}
        stage = Stage.from_cfg(stage)
        model.check_stage(stage)
        model.check_streams(stage, streams)
    parameters = [name for name, parameter in model.named_parameters() if parameter.requires_grad]
    optimizers = {name: own for name, own in cfg.optim_wrapper.items() if isinstance(own, dict)}
    owned = {one for name, own in optimizers.items() for one in select(parameters, own.params, name)}
    assert owned == set(parameters)
