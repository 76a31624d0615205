"""What a config leaves unsaid is filled in by one function, on a copy."""

import copy

import pytest
from mmengine.config import Config
from mmengine.registry import MODEL_WRAPPERS as ROOT_WRAPPERS

from mmuda.apis import UserError, build_runner, init_model, load_config, prepare, train
from mmuda.apis import test as run_test
from mmuda.apis.start import Start
from mmuda.checkpoints.reading import read_checkpoint


@pytest.fixture
def write(tmp_path):
    def write(text: str, name: str = 'tiny.py') -> Config:
        (tmp_path / name).write_text(text)
        return load_config(tmp_path / name)

    return write


def test_the_config_that_is_given_stays_and_preparing_twice_changes_nothing(tiny):
    cfg = tiny(load_skip=['decode_head'])
    before = copy.deepcopy(cfg.to_dict())
    options = dict(work_dir='elsewhere', seed=4, amp='bfloat16', launcher='pytorch', start=Start('some.pth', True, 5))
    once = prepare(cfg, **options)
    assert cfg.to_dict() == before != once.to_dict()
    assert prepare(once, **options).to_dict() == once.to_dict() and once.filename == cfg.filename
    assert (once.work_dir, once.randomness.seed, once.resume, once.load_from) == ('elsewhere', 5, True, 'some.pth')


def test_work_dir_is_the_arguments_the_configs_or_by_name(write):
    cfg = write('a = 1', 'srda.py')
    assert prepare(cfg).work_dir == './work_dirs/srda'
    cfg = prepare(cfg, 'elsewhere')
    assert cfg.work_dir == prepare(cfg).work_dir == 'elsewhere'


def test_there_is_always_a_seed(write):
    cfg = write('randomness = dict(seed=None, deterministic=True)')
    assert prepare(cfg).randomness == dict(seed=0, deterministic=True)
    assert prepare(prepare(cfg, seed=7)).randomness.seed == 7


NAMED = """
optim_wrapper = dict(constructor='NamedOptimWrapperConstructor',
    segmentor=dict(params=['segmentor'], optimizer=dict(type='Adam', lr=1e-3), clip_grad=dict(max_norm=1)),
    discriminator=dict(type='SyncOptimWrapper', params=['terms'], optimizer=dict(type='Adam', lr=1e-4)))
"""


def test_amp_on_the_cpu_is_bfloat16_for_every_optimiser(write, monkeypatch):
    monkeypatch.setattr('torch.cuda.is_available', lambda: False)
    cfg = prepare(write(NAMED), amp=True)
    for name in ('segmentor', 'discriminator'):
        assert cfg.optim_wrapper[name].type == 'SyncOptimWrapper'
        assert cfg.optim_wrapper[name].dtype == 'bfloat16'
    assert cfg.optim_wrapper.segmentor.clip_grad.max_norm == 1
    with pytest.raises(UserError, match='float16 mixed precision needs a GPU'):
        prepare(cfg, amp='float16')


def test_amp_on_a_gpu_is_float16_unless_asked(write, monkeypatch):
    monkeypatch.setattr('torch.cuda.is_available', lambda: True)
    cfg = prepare(write("optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='SGD', lr=1))"), amp=True)
    assert (cfg.optim_wrapper.type, cfg.optim_wrapper.dtype) == ('SyncAmpOptimWrapper', 'float16')
    cfg = prepare(cfg, amp='bfloat16')
    assert (cfg.optim_wrapper.type, cfg.optim_wrapper.dtype) == ('SyncOptimWrapper', 'bfloat16')


def test_schedules_and_optimisers_have_the_same_names(write):
    def prepared(text):
        return prepare(write(f'{NAMED}\noptim_wrapper["left_out"] = None\nparam_scheduler = {text}'))

    prepared('dict(segmentor=[], discriminator=[], left_out=[])')
    prepared('[]')
    with pytest.raises(UserError, match=r'tiny\.py has no entry for the optimiser discriminator; give one for each'):
        prepared('dict(segmentor=[])')
    with pytest.raises(UserError, match=r'has an entry for the unknown segmentors; .*segmentor, discriminator'):
        prepared('dict(segmentor=[], discriminator=[], segmentors=[])')


def test_amp_without_an_optimiser_is_refused(write):
    with pytest.raises(UserError, match='no optim_wrapper'):
        prepare(write('a = 1'), amp=True)


def test_hooks_that_resume_and_safety_need_are_there_once(write):
    text = "custom_hooks = [dict(type='SummaryHook')]\ndefault_hooks = dict(checkpoint=dict(type='CheckpointHook'))\n"
    cfg = prepare(prepare(write(text + "load_skip = ['decode_head']"), hooks=[dict(type='EMAHook')]))
    assert [hook['type'] for hook in cfg.custom_hooks] == [
        'SummaryHook', 'EMAHook', 'CheckpointGuardHook', 'IterSeedHook',
    ]  # fmt: skip
    assert cfg.custom_hooks[2]['load_skip'] == ['decode_head']
    assert cfg.default_hooks.checkpoint.type == 'ResumableCheckpointHook'


def test_none_leaves_out_a_hook_of_the_base_config(tiny, tmp_path):
    cfg = tiny()
    cfg.default_hooks = dict(panels=None, timer=None)
    hooks = {type(hook).__name__ for hook in build_runner(prepare(cfg, str(tmp_path))).hooks}
    assert not hooks & {'PanelHook', 'IterTimerHook'} and {'LoggerHook', 'ResumableCheckpointHook'} <= hooks


def test_plain_optimisers_average_over_processes(write):
    cfg = write("optim_wrapper = dict(type='AmpOptimWrapper', optimizer=dict(type='SGD', lr=1))")
    cfg = prepare(prepare(cfg, launcher='pytorch'), launcher='pytorch')
    # As Runner.wrap_model looks it up.
    assert ROOT_WRAPPERS.get(cfg.model_wrapper_cfg.type).__name__ == 'GradSyncWrapper'
    assert cfg.optim_wrapper.type == 'SyncAmpOptimWrapper'


def test_what_was_counted_stands_in_the_dumped_config_and_in_the_checkpoint(tiny, tmp_path):
    cfg = tiny(train_cfg__stages=[dict(iters=2)])
    del cfg.model.segmentor.decode_head['num_classes'], cfg.model.terms.output.discriminator['in_channels']
    train(cfg, tmp_path)
    (dumped,) = tmp_path.glob('*.py')
    dumped = load_config(dumped)
    text = read_checkpoint(tmp_path / 'iter_2.pth')['meta']['cfg']
    for told in (dumped, Config.fromstring(text, '.py')):
        head, discriminator = told.model.segmentor.decode_head, told.model.terms.output.discriminator
        assert (head.num_classes, head.out_channels, discriminator.in_channels) == (2, 2, 2)
    # No dataset is asked any more.
    dumped.train_dataloader = dumped.train_cfg = dumped.optim_wrapper = None
    dumped.merge_from_dict(TEST)
    assert run_test(dumped, str(tmp_path / 'iter_2.pth'), tmp_path / 'test')['mIoU'] >= 0
    assert init_model(dumped, tmp_path / 'iter_2.pth', 'cpu').segmentor.decode_head.num_classes == 2


TEST = dict(
    test_dataloader=dict(batch_size=1, num_workers=0, dataset=dict(type='DrawnDataset'),
                         sampler=dict(type='DefaultSampler', shuffle=False)),
    test_cfg=dict(type='TestLoop'),
    test_evaluator=dict(type='IoUMetric'),
)  # fmt: skip
