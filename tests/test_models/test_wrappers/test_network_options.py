"""NHWC weights and compiled networks train as plain ones, under the same names."""

import copy

import pytest
import torch

from mmuda.engine import NamedOptimWrapperConstructor
from mmuda.models.depthwise import DepthwiseMixin, is_depthwise
from mmuda.models.wrappers.network_options import apply_network_options
from mmuda.registry import MODELS
from mmuda.testing.toy import batch, plain_segmentor
from tests.helpers.compositions import FEATURE, OUTPUT, TWO_OPTIMIZERS, srda
from tests.helpers.toy import build_runner

EVERYTHING = {'segmentor.backbone': {}, 'segmentor.decode_head': {}, 'terms.*.discriminator': {}}


def build(networks=None, term=OUTPUT, **options):
    torch.manual_seed(0)
    return MODELS.build(
        dict(
            type='DomainAdaptation',
            segmentor=plain_segmentor(),
            terms=dict(output=copy.deepcopy(term)),
            networks=networks,
            **options,
        )
    )


def trained(model, steps=3):
    torch.manual_seed(0)
    wrappers = NamedOptimWrapperConstructor(copy.deepcopy(TWO_OPTIMIZERS))(model)
    for _ in range(steps):
        model.train_step(batch(), wrappers)
    return model.state_dict()


@pytest.mark.parametrize(
    'options',
    [dict(channels_last=True), dict(compile=dict(backend='eager')), dict(compile=dict(backend='aot_eager'))],
    ids=['channels_last', 'eager', 'aot_eager'],
)
def test_training_is_the_same_but_for_rounding(options):
    plain = trained(build(ema=dict(momentum=0.1)))
    model = build({name: options for name in EVERYTHING}, ema=dict(momentum=0.1))
    ours = trained(model)
    assert ours.keys() == plain.keys()
    for name in plain:
        torch.testing.assert_close(ours[name], plain[name], rtol=1e-4, atol=1e-5)
    if 'compile' in options:
        assert model.compiled == ['segmentor.backbone', 'segmentor.decode_head', 'terms.output.discriminator']
    else:
        weight = model.segmentor.backbone.conv1.weight
        assert weight.is_contiguous(memory_format=torch.channels_last) and not weight.is_contiguous()
        build(ema=dict(momentum=0.1)).load_state_dict(ours)  # strict


NETWORKS = ['segmentor.backbone', 'segmentor.sr_head', 'segmentor.decode_head', 'terms.pixel.*', 'terms.output.*']


@pytest.mark.parametrize('network', NETWORKS)
def test_training_runs_the_compiled_network(network, tmp_path):
    calls = []

    def backend(graph, inputs):
        calls.append(graph)
        return graph.forward

    cfg = srda()
    cfg['train_cfg']['stages'] = [dict(name='joint', iters=1)]
    runner = build_runner(cfg, tmp_path)
    compiled = apply_network_options(runner.model, {network: dict(compile=dict(backend=backend))})
    runner.train()
    assert compiled and calls


def test_what_networks_may_not_say():
    with pytest.raises(ValueError, match=r"networks\['segmentor.neck'\] matches no network; name one of .*backbone"):
        build({'segmentor.neck': dict(channels_last=True)})
    with pytest.raises(ValueError, match=r"unknown options \['compiled'\]; it may have"):
        build({'segmentor.backbone': dict(compiled=True)})
    with pytest.raises(ValueError, match=r"'module.backbone.conv2' lies inside 'segmentor.backbone', which is"):
        build({'segmentor.backbone': dict(compile=True)}, term=FEATURE)
    build({'segmentor.decode_head': dict(compile=True)}, term=FEATURE)
    with pytest.raises(ValueError, match=r"is a segmentor, .* compile its networks, e.g. 'segmentor.backbone'"):
        build({'segmentor': dict(compile=True)})


def test_depthwise_convolutions_train_fast_unless_a_config_says_no():
    segmentor = dict(
        type='EncoderDecoder',
        backbone=dict(type='EfficientNetLite', arch='lite0', out_indices=(6,)),
        decode_head=dict(type='FCNHead', in_channels=320, in_index=0, channels=4, num_classes=2),
    )
    model = dict(type='DomainAdaptation', segmentor=segmentor)
    fast = MODELS.build(copy.deepcopy(model))
    native = MODELS.build(dict(copy.deepcopy(model), networks={'segmentor': dict(fast_depthwise=False)}))
    assert fast.state_dict().keys() == native.state_dict().keys()
    kinds = [
        [isinstance(module, DepthwiseMixin) for module in model.segmentor.modules() if is_depthwise(module)]
        for model in (fast, native)
    ]
    assert len(kinds[0]) == 16 and all(kinds[0]) and not any(kinds[1])
