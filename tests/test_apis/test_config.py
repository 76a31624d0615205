import pytest
from mmengine.registry import MODEL_WRAPPERS as ROOT_WRAPPERS

from mmuda.apis import UserError, load_config
from mmuda.apis.config import add_hooks, check_schedules, enable_amp, set_model_wrapper, set_seed, set_work_dir
from mmuda.apis.runner import name_near_misses
from mmuda.registry import MODELS


@pytest.fixture
def write(tmp_path):
    def write(text: str, name: str = 'tiny.py') -> str:
        (tmp_path / name).write_text(text)
        return str(tmp_path / name)

    return write


def test_a_config_inherits_mmsegs_and_its_types_are_known(write):
    path = write("_base_ = ['mmseg::_base_/models/fcn_unet_s5-d16.py', 'mmseg::_base_/default_runtime.py']")
    cfg = load_config(path, {'model.decode_head.num_classes': 6, 'model.backbone.base_channels': 4})
    assert cfg.default_scope == 'mmuda'
    assert cfg.model.decode_head.num_classes == 6
    cfg.model.decode_head.update(in_channels=4, channels=4)
    cfg.model.auxiliary_head.update(in_channels=8, channels=4)
    assert type(MODELS.build(cfg.model)).__name__ == 'EncoderDecoder'


def test_what_is_wrong_with_a_config_is_named(write, tmp_path):
    with pytest.raises(FileNotFoundError, match=r'gone\.py was not found'):
        load_config(tmp_path / 'gone.py')
    with pytest.raises(UserError, match=r'tiny\.py cannot be parsed'):
        load_config(write('model = dict('))
    with pytest.raises(UserError, match=r'stages\.5\.iters.* does not fit config'):
        load_config(write('train_cfg = dict(stages=[dict(iters=1)])'), {'train_cfg.stages.5.iters': 3})


def test_work_dir_is_the_arguments_the_configs_or_by_name(write):
    cfg = load_config(write('a = 1', 'srda.py'))
    set_work_dir(cfg)
    assert cfg.work_dir == './work_dirs/srda'
    set_work_dir(cfg, 'elsewhere')
    assert cfg.work_dir == 'elsewhere'
    set_work_dir(cfg)
    assert cfg.work_dir == 'elsewhere'


def test_there_is_always_a_seed(write):
    cfg = load_config(write('randomness = dict(seed=None, deterministic=True)'))
    set_seed(cfg)
    assert cfg.randomness == dict(seed=0, deterministic=True)
    set_seed(cfg, 7)
    set_seed(cfg)
    assert cfg.randomness.seed == 7


NAMED = """
optim_wrapper = dict(constructor='NamedOptimWrapperConstructor',
    segmentor=dict(params=['segmentor'], optimizer=dict(type='Adam', lr=1e-3), clip_grad=dict(max_norm=1)),
    discriminator=dict(type='SyncOptimWrapper', params=['terms'], optimizer=dict(type='Adam', lr=1e-4)))
"""


def test_amp_on_the_cpu_is_bfloat16_for_every_optimiser(write, monkeypatch):
    monkeypatch.setattr('torch.cuda.is_available', lambda: False)
    cfg = load_config(write(NAMED))
    enable_amp(cfg)
    for name in ('segmentor', 'discriminator'):
        assert cfg.optim_wrapper[name].type == 'SyncOptimWrapper'
        assert cfg.optim_wrapper[name].dtype == 'bfloat16'
    assert cfg.optim_wrapper.segmentor.clip_grad.max_norm == 1
    with pytest.raises(UserError, match='float16 mixed precision needs a GPU'):
        enable_amp(cfg, 'float16')


def test_amp_on_a_gpu_is_float16_unless_asked(write, monkeypatch):
    monkeypatch.setattr('torch.cuda.is_available', lambda: True)
    cfg = load_config(write("optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='SGD', lr=1))"))
    enable_amp(cfg)
    assert (cfg.optim_wrapper.type, cfg.optim_wrapper.dtype) == ('SyncAmpOptimWrapper', 'float16')
    enable_amp(cfg, 'bfloat16')
    assert (cfg.optim_wrapper.type, cfg.optim_wrapper.dtype) == ('SyncOptimWrapper', 'bfloat16')


def test_schedules_and_optimisers_have_the_same_names(write):
    def schedules(text):
        return load_config(write(f'{NAMED}\noptim_wrapper["left_out"] = None\nparam_scheduler = {text}'))

    check_schedules(schedules('dict(segmentor=[], discriminator=[], left_out=[])'))
    check_schedules(schedules('[]'))
    with pytest.raises(UserError, match=r'tiny\.py has no entry for the optimiser discriminator; give one for each'):
        check_schedules(schedules('dict(segmentor=[])'))
    with pytest.raises(UserError, match=r'has an entry for the unknown segmentors; .*segmentor, discriminator'):
        check_schedules(schedules('dict(segmentor=[], discriminator=[], segmentors=[])'))


def test_amp_without_an_optimiser_is_refused(write):
    with pytest.raises(UserError, match='no optim_wrapper'):
        enable_amp(load_config(write('a = 1')))


def test_hooks_that_resume_and_safety_need_are_there_once(write):
    text = "custom_hooks = [dict(type='SummaryHook')]\ndefault_hooks = dict(checkpoint=dict(type='CheckpointHook'))\n"
    cfg = load_config(write(text + "load_skip = ['decode_head']"))
    add_hooks(cfg)
    add_hooks(cfg)
    assert [hook['type'] for hook in cfg.custom_hooks] == ['SummaryHook', 'CheckpointGuardHook', 'IterSeedHook']
    assert cfg.custom_hooks[1]['load_skip'] == ['decode_head']
    assert cfg.default_hooks.checkpoint.type == 'ResumableCheckpointHook'


def test_plain_optimisers_average_over_processes(write):
    cfg = load_config(write("optim_wrapper = dict(type='AmpOptimWrapper', optimizer=dict(type='SGD', lr=1))"))
    set_model_wrapper(cfg)
    set_model_wrapper(cfg)
    # As Runner.wrap_model looks it up.
    assert ROOT_WRAPPERS.get(cfg.model_wrapper_cfg.type).__name__ == 'GradSyncWrapper'
    assert cfg.optim_wrapper.type == 'SyncAmpOptimWrapper'


def test_an_unknown_type_is_answered_with_those_that_come_close(write):
    load_config(write('a = 1'))
    with pytest.raises(KeyError) as error:
        MODELS.build(dict(type='EncoderDecodr'))
    text = str(name_near_misses(error.value))
    assert "type 'EncoderDecodr' in the config is not a registered model; did you mean EncoderDecoder" in text
    assert name_near_misses(KeyError('lr')).args == ('lr',)
