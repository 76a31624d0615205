"""AdaBN: statistics are those of the target's batches, and nothing else changes."""

import pytest
import torch
from mmengine.runner import Runner
from mmengine.structures import PixelData

from mmuda.apis import UserError, adapt, init_model, train
from mmuda.checkpoints.reading import read_checkpoint
from mmuda.registry import DATASETS, MODELS
from mmuda.utils.seeds import seeded
from tests.helpers.tiny import SIZE, DrawnDataset

ADABN = ['batch_norm']


def first_layer_by_hand(cfg, model, batches):
    """Mean over batches of mean and unbiased variance of what the first norm reads."""
    loader = Runner.build_dataloader(cfg.train_dataloader, seed=0)
    means, variances = [], []
    with seeded(0), torch.no_grad():
        for _, data in zip(range(batches), loader, strict=False):
            image = model.data_preprocessor(data, training=True)['target']['inputs']
            values = model.segmentor.backbone.conv1(image).transpose(0, 1).flatten(1)
            means.append(values.mean(1))
            variances.append(values.var(1, unbiased=True))
    return sum(means) / batches, sum(variances) / batches


def test_the_first_layer_has_the_targets_statistics(tiny, tmp_path):
    cfg = tiny(train_cfg__stages=[dict(iters=2)], train_dataloader__dataset__target__scale=0.5)
    train(cfg, str(tmp_path / 'run'))
    before, out = tmp_path / 'run' / 'iter_2.pth', tmp_path / 'adapted.pth'
    cfg = tiny(train_dataloader__dataset__target__scale=0.5)
    adapt(cfg, before, out, ADABN, batches=3)
    old, new = (read_checkpoint(path)['state_dict'] for path in (before, out))
    assert old.keys() == new.keys()
    changed = {name for name in old if not torch.equal(old[name], new[name])}
    running = {name for name in old if name.startswith('segmentor') and 'running_' in name}
    how = read_checkpoint(out)['meta']['adapted']['batch_norm']
    assert how == dict(layers=len(running) // 2, batches=3) and running <= changed
    assert all('running_' in name or 'num_batches' in name for name in changed)
    mean, variance = first_layer_by_hand(cfg, init_model(cfg, before), 3)
    torch.testing.assert_close(new['segmentor.backbone.bn1.running_mean'], mean, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(new['segmentor.backbone.bn1.running_var'], variance, rtol=1e-4, atol=1e-5)
    # The same seed gives the same statistics, and the result loads.
    adapt(tiny(train_dataloader__dataset__target__scale=0.5), before, tmp_path / 'again.pth', ADABN, batches=3)
    again = read_checkpoint(tmp_path / 'again.pth')['state_dict']
    assert all(torch.equal(new[name], again[name]) for name in new)
    init_model(tiny(), out)


def test_a_plain_checkpoint_keeps_its_names(tiny, tmp_path):
    plain = MODELS.build(tiny().model.segmentor)
    torch.save(dict(state_dict=plain.state_dict()), tmp_path / 'plain.pth')
    adapt(tiny(), tmp_path / 'plain.pth', tmp_path / 'out.pth', ADABN, batches=1)
    state = read_checkpoint(tmp_path / 'out.pth')['state_dict']
    assert state.keys() == plain.state_dict().keys()
    assert state['backbone.bn1.running_mean'].any()
    plain.load_state_dict(state)


def test_what_cannot_be_adapted_is_told(tiny, tmp_path):
    cfg = tiny()
    torch.save(dict(state_dict=MODELS.build(cfg.model.segmentor).state_dict()), tmp_path / 'plain.pth')
    with pytest.raises(UserError, match='batches=0: an adaptation needs at least one batch'):
        adapt(cfg, tmp_path / 'plain.pth', tmp_path / 'out.pth', ADABN, batches=0)
    del cfg.train_dataloader.dataset['target']
    with pytest.raises(UserError, match='neither train_dataloader.dataset.target nor a test_dataloader'):
        adapt(cfg, tmp_path / 'plain.pth', tmp_path / 'out.pth', ADABN)
    none = dict(type='GN', num_groups=1)
    cfg = tiny(model__segmentor__backbone__norm_cfg=none, model__segmentor__decode_head__norm_cfg=none)
    torch.save(dict(state_dict=MODELS.build(cfg.model.segmentor).state_dict()), tmp_path / 'plain.pth')
    with pytest.raises(UserError, match='has no batch norm layer with running statistics'):
        adapt(cfg, tmp_path / 'plain.pth', tmp_path / 'out.pth', ADABN)
    assert not (tmp_path / 'out.pth').exists()


def test_the_given_checkpoint_is_not_replaced(tiny, tmp_path):
    checkpoint = tmp_path / 'iter_1.pth'
    checkpoint.write_bytes(b'weights')
    with pytest.raises(UserError, match='iter_1.pth is read as an input'):
        adapt(tiny(), checkpoint, checkpoint, ADABN)
    assert checkpoint.read_bytes() == b'weights'


@DATASETS.register_module(force=True)
class HalfEmpty(DrawnDataset):
    """Images that hold data in their lower half alone; the other is as bright as it can be."""

    def __getitem__(self, index):
        sample = super().__getitem__(index)
        missing = torch.zeros(1, SIZE, SIZE, dtype=torch.bool)
        missing[:, : SIZE // 2] = True
        sample['inputs'][:, missing[0]] = 255
        sample['data_samples'].set_data(dict(no_data=PixelData(data=missing)))
        return sample


def test_pixels_without_data_take_no_part_in_the_statistics(tiny, tmp_path):
    cfg = tiny(train_dataloader__dataset__target__type='HalfEmpty')
    model = init_model(cfg)
    torch.save(dict(state_dict=model.state_dict()), tmp_path / 'before.pth')
    adapt(cfg, tmp_path / 'before.pth', tmp_path / 'out.pth', ADABN, batches=2)
    loader, means = Runner.build_dataloader(cfg.train_dataloader, seed=0), []
    with seeded(0), torch.no_grad():
        for _, data in zip(range(2), loader, strict=False):
            image = model.data_preprocessor(data, training=True)['target']['inputs']
            values = model.segmentor.backbone.conv1(image)
            means.append(values[:, :, values.shape[2] // 2 :].mean((0, 2, 3)))
    found = read_checkpoint(tmp_path / 'out.pth')['state_dict']['segmentor.backbone.bn1.running_mean']
    torch.testing.assert_close(found, sum(means) / 2, rtol=1e-4, atol=1e-5)


def test_pixels_without_data_take_no_part_at_either_scale_of_hrda(tiny, tmp_path):
    attention = dict(type='FCNHead', in_channels=4, in_index=0, channels=4, num_convs=0, concat_input=False,
                     num_classes=2, align_corners=False)  # fmt: skip
    cfg = tiny(train_dataloader__dataset__target__type='HalfEmpty', model__segmentor__type='HRDA')
    cfg.model.segmentor.attention_head = attention
    model = init_model(cfg)
    torch.save(dict(state_dict=model.state_dict()), tmp_path / 'before.pth')
    adapt(cfg, tmp_path / 'before.pth', tmp_path / 'out.pth', ADABN, batches=2)
    half, quarter, means = SIZE // 2, SIZE // 4, []
    conv = model.segmentor.backbone.conv1
    with seeded(0), torch.no_grad():
        for _, data in zip(range(2), Runner.build_dataloader(cfg.train_dataloader, seed=0), strict=False):
            image = model.data_preprocessor(data, training=True)['target']['inputs']
            context = torch.nn.functional.interpolate(image, scale_factor=0.5, mode='bilinear')
            means.append(conv(context)[:, :, quarter // 2 :].mean((0, 2, 3)))
            # Of the windows in the second row the lower half holds data, of those in the third row all.
            second, third = (
                [conv(image[:, :, top : top + half, left : left + half]) for left in (0, quarter, half)]
                for top in (quarter, half)
            )
            values = [part[:, :, quarter // 2 :] for part in second] + third
            means.append(torch.cat([part.transpose(0, 1).flatten(1) for part in values], dim=1).mean(1))
    found = read_checkpoint(tmp_path / 'out.pth')['state_dict']['segmentor.backbone.bn1.running_mean']
    torch.testing.assert_close(found, sum(means) / 4, rtol=1e-4, atol=1e-5)
