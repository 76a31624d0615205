"""What one GPU can show; skipped where there is none. ``python -m pytest -m gpu`` runs these alone."""

import copy

import pytest
import torch

from mmuda.engine import NamedOptimWrapperConstructor
from mmuda.registry import MODELS
from mmuda.testing.toy import batch, plain_segmentor
from tests.helpers.compositions import OUTPUT
from tests.helpers.toy import optimizer

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason='there is no GPU'),
]
DEVICES = ('cpu', 'cuda')
OPTIMIZERS = dict(
    segmentor=dict(params=['segmentor'], optimizer=optimizer('SGD', momentum=0.9)),
    discriminator=dict(params=['terms.*.discriminator'], optimizer=optimizer()),
)


def trained(device, steps=3, dtype=None, state=None, **options):
    """A toy AdaptSegNet after some steps, with its optimisers and what the last step logged."""
    torch.manual_seed(0)
    model = dict(
        type='DomainAdaptation', segmentor=plain_segmentor(), terms=dict(output=copy.deepcopy(OUTPUT)), **options
    )
    model = MODELS.build(model).to(device).train()
    cfg = copy.deepcopy(OPTIMIZERS)
    for wrapper in cfg.values():
        if dtype == 'float16':
            wrapper['type'] = 'SyncAmpOptimWrapper'
        elif dtype is not None:
            wrapper.update(type='SyncOptimWrapper', dtype=dtype)
    wrappers = NamedOptimWrapperConstructor(cfg)(model)
    if state is not None:
        model.load_state_dict(state[0])
        wrappers.load_state_dict(state[1])
    log = {}
    for _ in range(steps):
        log = model.train_step(batch(), wrappers)
    return model, wrappers, log


@pytest.fixture(autouse=True)
def exact():
    """Deterministic float32."""
    before = torch.backends.cudnn.deterministic, torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.deterministic, torch.backends.cudnn.allow_tf32 = True, False
    yield
    torch.backends.cudnn.deterministic, torch.backends.cudnn.allow_tf32 = before


@pytest.mark.parametrize(
    'options',
    [{}, dict(ema=dict(momentum=0.1, evaluate=True)), dict(networks={'segmentor.*': dict(channels_last=True)})],
    ids=['plain', 'teacher', 'channels_last'],
)
def test_a_gpu_trains_as_a_cpu_does(options):
    (cpu, _, told), (gpu, _, log) = (trained(device, **copy.deepcopy(options)) for device in DEVICES)
    for name, value in cpu.state_dict().items():
        torch.testing.assert_close(gpu.state_dict()[name].cpu(), value, rtol=1e-3, atol=1e-4)
    assert log.keys() == told.keys() and all(value.device.type == 'cpu' for value in log.values())


def test_two_runs_are_equal_and_a_resumed_one_too():
    whole = trained('cuda', 4)[0].state_dict()
    half, wrappers, _ = trained('cuda', 2)
    state = copy.deepcopy((half.state_dict(), wrappers.state_dict()))
    for other in (trained('cuda', 4)[0], trained('cuda', 2, state=state)[0]):
        for name, value in other.state_dict().items():
            assert torch.equal(value, whole[name]), name


@pytest.mark.parametrize('dtype', ['bfloat16', 'float16'])
def test_mixed_precision_stays_near_float32(dtype):
    full, low = trained('cuda')[2], trained('cuda', dtype=dtype)[2]
    for name, value in full.items():
        torch.testing.assert_close(low[name], value, rtol=0.05, atol=0.02)


def test_a_step_waits_once_an_update():
    """Of mmuda's own files; mmseg's loss and accuracy wait too."""
    model, wrappers, _ = trained('cuda', 2, ema=dict(momentum=0.1))
    data = batch()
    torch.cuda.set_sync_debug_mode('warn')
    try:
        with pytest.warns(UserWarning, match='synchroniz') as told:
            model.train_step(data, wrappers)
    finally:
        torch.cuda.set_sync_debug_mode('default')
    files = [warning.filename for warning in told if 'synchroniz' in str(warning.message)]
    assert sum(file.endswith('utils/scalars.py') for file in files) == 2
    ours = [file for file in files if '/mmuda/' in file and not file.endswith(('scalars.py', 'data_preprocessor.py'))]
    assert not ours


def test_a_compiled_network_trains():
    networks = {'segmentor.backbone': dict(compile=True), 'segmentor.decode_head': dict(compile=True)}
    plain, compiled = trained('cuda')[2], trained('cuda', networks=networks)[2]
    for name, value in plain.items():
        torch.testing.assert_close(compiled[name], value, rtol=1e-2, atol=1e-3)
