"""Whether a config can be run, without its data and without memory."""

import pytest

from mmuda.apis import counts, load_config, prepare
from mmuda.apis.config_walk import loaders_of
from mmuda.models.wrappers import Stage
from mmuda.utils.patterns import select

FORWARDS, MODELS_BUILT = {}, {}


@pytest.fixture
def forward_once(monkeypatch):
    """Many configs differ in their data alone: each segmentor is forwarded once for all of them."""
    forward = counts.forward_on_meta

    def remembered(cfg, model, taps):
        return once(FORWARDS, (model['segmentor'], sorted(taps)), lambda: forward(cfg, model, taps))

    monkeypatch.setattr(counts, 'forward_on_meta', remembered)


def once(known, key, make):
    key = repr(key)
    if key not in known:
        known[key] = make()
    return known[key]


def check_on_meta(path):
    """Prepare a config, build its model on the meta device, and check its stages, streams and optimisers."""
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
