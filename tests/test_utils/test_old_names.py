"""A project that was written for the names of before: each of them ends in one line with the new one."""

import importlib
import re

import pytest
import torch

from mmuda.apis import load_config
from mmuda.checkpoints.reading import read_checkpoint
from mmuda.models.terms import Term
from mmuda.registry import MODELS, TERMS
from mmuda.testing import plain_segmentor
from mmuda.utils import old_names
from mmuda.utils.errors import UserError
from mmuda.utils.setup_env import register_all_modules
from tests.helpers import ROOT
from tests.helpers.compositions import OUTPUT, TWO_OPTIMIZERS
from tests.helpers.tiny import CONFIG
from tests.helpers.toy import build_runner, config

register_all_modules()
GUIDE = (ROOT / 'docs' / 'migration.md').read_text()
ADVERSARIAL = (
    "dict(type='AdversarialAlignment', {}, discriminator=dict(type='FCDiscriminator', in_channels=2), "
    "loss=dict(type='GANLoss'))"
)
TERMS_OF_BEFORE = {
    ADVERSARIAL.format("tap='prob'"): "is gone: give source='source:prob' and target='target:prob'",
    ADVERSARIAL.format("real='fine_image'"): "give target='target:fine_image' with moves='source'",
    ADVERSARIAL.format('align_both=True'): "give moves='both'",
    "dict(type='CategoryAlignment', class_vector='feature')": 'CategoryAlignment is gone: give source and target',
    "dict(type='InstanceAlignment', classes=[1], channels=4, feature='features.1')": "source='source:features.1' and",
    "dict(type='StyleContentAlignment', stages=(1, 3))": 'lists of addresses such as source:features.0',
    "dict(type='ForwardTerm', view='target')": "give tap='target:logits'",
    "dict(type='ParameterSimilarity', first='a', second='b', view='source')": "give first='source:parameters.PATH'",
    "dict(type='TapLoss', tap='target:prob', loss=dict(type='EntropyLoss', loss_weight=2.0))": 'weight of the term',
}


def written(tmp_path, text):
    path = tmp_path / 'config.py'
    path.write_text(CONFIG + text)
    return path


@pytest.mark.parametrize('term', TERMS_OF_BEFORE)
def test_a_term_with_an_argument_of_before_is_told_what_to_write(tmp_path, term):
    with pytest.raises(UserError, match=re.escape(TERMS_OF_BEFORE[term])) as raised:
        load_config(written(tmp_path, f"\nmodel['terms'] = dict(mine={term})\n"))
    assert 'docs/migration.md' in str(raised.value) and '\n' not in str(raised.value)


def test_the_option_of_the_moving_average_is_told_what_to_write():
    cfg = dict(type='DomainAdaptation', segmentor=plain_segmentor(), ema=dict(momentum=0.1, update_buffers=True))
    with pytest.raises(UserError, match="update_buffers of ema is gone: give buffers='average' in place of True"):
        MODELS.build(cfg)


def test_optimisers_of_before_are_told_their_new_names(tmp_path):
    text = "\noptim_wrapper['generator'] = optim_wrapper.pop('segmentor')\n"
    with pytest.raises(UserError, match="optim_wrapper: the optimiser 'generator' is now 'segmentor'"):
        load_config(written(tmp_path, text))
    plan = "model['plan'] = [dict(name='all', losses=['*.segmentor'], optimizers=['generator'])]\n"
    load_config(written(tmp_path, text + plan))  # a name of one's own choice


def test_a_plan_and_weights_of_before_are_told_the_new_phase(tmp_path):
    def message(plan, stage):
        model = dict(type='DomainAdaptation', segmentor=plain_segmentor(), terms=dict(output=OUTPUT), plan=plan)
        with pytest.raises(UserError) as raised:
            build_runner(config(model, [dict(name='a', iters=1, **stage)], TWO_OPTIMIZERS), tmp_path).train()
        return str(raised.value)

    plan = [dict(name='all', losses=['*.generator'], optimizers=['segmentor'])]
    line = "the phase 'generator' is now 'segmentor': write '*.segmentor'"
    assert line in message(plan, {}) and line in message(None, dict(plan=plan))
    assert "write 'output.segmentor'" in message(None, dict(weights={'output.generator': 0.5}))


def test_a_term_of_ones_own_with_phases_of_before_is_told_the_new_one():
    class Mine(Term):
        phases = ('generator',)

        def reads(self, phase):
            return {'source:prob'}

    TERMS.register_module(name='TermOfBefore', module=Mine, force=True)
    model = dict(type='DomainAdaptation', segmentor=plain_segmentor(), terms=dict(mine=dict(type='TermOfBefore')))
    with pytest.raises(UserError, match=r"'mine' \(Mine\): the phase 'generator' is now 'segmentor'"):
        MODELS.build(model)


def test_a_run_of_before_is_not_resumed_and_its_weights_are_taken(tmp_path):
    def runner(**options):
        cfg = config(
            dict(type='DomainAdaptation', segmentor=plain_segmentor(), terms=dict(output=OUTPUT)),
            [dict(name='a', iters=4)],
            TWO_OPTIMIZERS,
        )
        return build_runner(cfg, tmp_path, save_at=2, **options)

    runner().train()
    checkpoint = read_checkpoint(str(tmp_path / 'iter_2.pth'), resume=True)
    checkpoint['optimizer'] = {
        {'segmentor': 'generator', 'discriminator': 'discriminators'}[name]: state
        for name, state in checkpoint['optimizer'].items()
    }
    torch.save(checkpoint, tmp_path / 'iter_2.pth')
    with pytest.raises(UserError, match="'generator' is now 'segmentor'.*start a new run with load_from"):
        runner(resume=True, load_from=str(tmp_path / 'iter_2.pth')).train()
    runner(load_from=str(tmp_path / 'iter_2.pth')).train()


@pytest.mark.parametrize('old', old_names.MODULES)
def test_a_moved_module_is_found_under_its_new_name(old):
    new = old_names.MODULES[old]
    importlib.import_module(new)
    with pytest.raises(ModuleNotFoundError, match=re.escape(f'{old} is now {new}; change the import')):
        importlib.import_module(old)
    assert f'| `{old}` | `{new}` |' in GUIDE


def test_custom_imports_of_a_plugin_of_before_are_told(tmp_path, monkeypatch):
    (tmp_path / 'plugin_of_before.py').write_text('from mmuda.datasets.raster_io import open_raster\n')
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(UserError, match='mmuda.datasets.raster_io is now mmuda.datasets.raster.reading'):
        load_config(written(tmp_path, "\ncustom_imports = dict(imports=['plugin_of_before'])\n"))


def test_the_guide_has_every_old_name():
    for name in (*old_names.PHASES, *old_names.OPTIMIZERS, *(argument for _, argument in old_names.ARGUMENTS)):
        assert re.search(rf'\b{name}\b', GUIDE), name
