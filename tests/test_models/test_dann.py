"""The parts of semantic pairing's DANN, and its configs."""

from itertools import permutations

import pytest
import torch

from mmuda.apis import load_config, new_config, prepare
from mmuda.models.wrappers import Stage
from mmuda.registry import MODELS
from mmuda.utils.setup_env import register_all_modules
from tests.helpers import CONFIGS

register_all_modules()
FOLDER = CONFIGS / 'dann'
CITIES = ('vaihingen', 'potsdam', 'hannover', 'buxtehude', 'nienburg')


def test_the_discriminator_is_three_inverted_bottlenecks_and_a_logit():
    torch.manual_seed(0)
    network = MODELS.build(
        dict(
            type='InvertedBottleneckDiscriminator',
            in_channels=4,
            expand_ratio=2,
            norm_cfg=dict(type='GN', num_groups=2),
        )
    ).double()
    x = torch.randn(2, 4, 5, 6, dtype=torch.float64)
    state, expected = network.state_dict(), x
    assert len(network.blocks) == 3

    def norm(values, prefix):
        grouped = values.reshape(2, 2, -1)
        mean, var = grouped.mean(-1, keepdim=True), grouped.var(-1, unbiased=False, keepdim=True)
        values = ((grouped - mean) / (var + 1e-5).sqrt()).reshape(values.shape)
        return values * state[f'{prefix}.weight'][:, None, None] + state[f'{prefix}.bias'][:, None, None]

    for b in range(3):
        name = f'blocks.{b}.conv'
        h = torch.nn.functional.conv2d(expected, state[f'{name}.0.conv.weight'])
        h = norm(h, f'{name}.0.gn').clamp(0, 6)
        h = torch.nn.functional.conv2d(h, state[f'{name}.1.conv.weight'], padding=1, groups=8)
        h = norm(h, f'{name}.1.gn').clamp(0, 6)
        h = norm(torch.nn.functional.conv2d(h, state[f'{name}.2.conv.weight']), f'{name}.2.gn')
        expected = expected + h
    expected = torch.nn.functional.conv2d(expected, state['judge.weight'], state['judge.bias'])
    torch.testing.assert_close(network(x), expected, rtol=1e-9, atol=1e-9)
    with pytest.raises(ValueError, match=r'expects \(N, 4, h, w\)'):
        network(torch.zeros(1, 3, 5, 6, dtype=torch.float64))


def test_the_head_fuses_its_branches_by_a_1x1_convolution():
    head = MODELS.build(
        dict(type='FusedASPPHead', in_channels=8, in_index=1, channels=4, dilations=(1, 2), c1_in_channels=4,
             c1_channels=2, num_classes=3, align_corners=False)
    )  # fmt: skip
    assert head.bottleneck.conv.weight.shape == (4, 12, 1, 1)
    seen = []
    head.bottleneck.register_forward_hook(lambda _, __, output: seen.append(output.shape))
    assert head((torch.randn(2, 4, 12, 12), torch.randn(2, 8, 6, 6))).shape == (2, 3, 12, 12)
    assert seen == [(2, 4, 6, 6)]


def city_of(dataset):
    return dataset.get('city', dataset.type.lower())


def images_of(dataset):
    """What a config chooses of a city, as a set that can be compared."""
    return {str(one) for one in dataset.get('areas') or dataset.get('tiles') or [dataset.split]}


def test_there_is_a_config_for_each_of_the_twenty_pairs(tmp_path):
    for source, target in permutations(CITIES, 2):
        path = tmp_path / f'{source}2{target}.py'
        path.write_text(new_config('dann', f'{source}2{target}').replace("'../_base_", f"'{CONFIGS}/_base_"))
        cfg = load_config(path)
        streams = cfg.train_dataloader.dataset
        assert streams.pairing == 'random_once' and cfg.train_dataloader.batch_size == 16
        for name, stream, count in ((source, streams.source, 400), (target, streams.target, 800)):
            assert (stream.type, stream.patches_per_raster, stream.size, stream.gsd) == ('PatchSet', count, 224, 0.2)
            assert city_of(stream.dataset) == name
        assert streams.target.dataset.labelled is False and streams.source.dataset.get('labelled', True)
        tested = cfg.test_dataloader.dataset
        assert (city_of(tested), tested.last_tile) == (target, 'shift')
        assert not images_of(tested) & images_of(streams.target.dataset)
        size = tested.tile * dict(vaihingen=0.09, potsdam=0.05).get(target, 0.2) / 0.2
        assert round(size) == 224


@pytest.mark.parametrize('city', CITIES)
def test_each_city_has_a_supervised_segmentor(city, tmp_path):
    path = tmp_path / f'{city}.py'
    lines = [
        f"_base_ = '{FOLDER}/source_only_patches_deeplabv3plus-mv2_hannover.py'",
        f"train_dataloader = dict(dataset=dict(source=dict(dataset=_base_.sources['{city}'])))",
        f"val_dataloader = dict(dataset=_base_.validation['{city}'])",
    ]
    path.write_text('\n'.join(lines))
    cfg = load_config(path)
    streams = cfg.train_dataloader.dataset
    assert (city_of(streams.source.dataset), streams.source.patches_per_raster, streams.target) == (city, 800, None)
    assert (city_of(cfg.test_dataloader.dataset), cfg.train_dataloader.batch_size) == (city, 32)
    if city in ('vaihingen', 'potsdam'):
        counts = [len(images_of(d)) for d in (streams.source.dataset, cfg.test_dataloader.dataset)]
        assert counts == [10, 6]
    with torch.device('meta'):
        model = MODELS.build(prepare(cfg).model)
    model.check_stage(Stage.from_cfg(cfg.train_cfg.stages[0]))
    assert set(model.terms) == {'supervised'}
    assert [name for name, own in cfg.optim_wrapper.items() if isinstance(own, dict)] == ['segmentor']


@pytest.mark.parametrize('pair', ['hannover2vaihingen', 'synthetic', 'nairobi2kampala'])
def test_three_steps_train_what_they_should(pair):
    cfg = load_config(FOLDER / f'dann_deeplabv3plus-mv2_{pair}.py')
    with torch.device('meta'):
        model = MODELS.build(prepare(cfg).model)
    stage = Stage.from_cfg(cfg.train_cfg.stages[0])
    model.check_stage(stage)
    model.check_streams(stage, ['source', 'target'])
    steps = model.steps(stage)
    assert [step.optimizers for step in steps] == [('segmentor',), ('discriminator',), ('encoder',)]
    assert [step.forward for step in steps[1:]] == ['fresh'] * 2 and [step.detach for step in steps] == [
        False,
        True,
        False,
    ]
    term = model.terms['feature']
    assert term.moved == ('source', 'target')  # flipped labels on both domains
    # The encoder ends at the aligned feature map: nothing behind it is in the third optimiser.
    names = [name for name, _ in model.named_parameters()]
    encoder = [n for n in names if any(n.startswith(p) for p in cfg.optim_wrapper.encoder.params)]
    behind = [n for n in names if n.startswith(('segmentor.decode_head.sep_', 'segmentor.decode_head.c1_',
                                                'segmentor.decode_head.conv_seg'))]  # fmt: skip
    assert behind and sorted(encoder + behind) == sorted(n for n in names if n.startswith('segmentor'))
