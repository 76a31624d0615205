"""The masked autoencoder: what it hides, what it is judged by, how it trains, and what its encoder is good for."""

import contextlib
import math

import pytest
import torch

from mmuda.models.wrappers.masked_autoencoder import sine_positions
from mmuda.registry import MODELS
from mmuda.testing import differences
from mmuda.utils.setup_env import register_all_modules
from tests.helpers.toy import KilledError, KillHook, build_runner, config, optimizer, state_of

register_all_modules()
SIZE = 64
NARROW = dict(type='StemResNet', base_channels=4, stem_channels=4)


def autoencoder(**options):
    cfg = dict(type='MaskedAutoencoder', embedding=NARROW, embedding_channels=32, channels=16, depth=1, heads=2,
               decoder_channels=8, decoder_depth=1, decoder_heads=2)  # fmt: skip
    return MODELS.build({**cfg, **options})


def images(count=2):
    torch.manual_seed(3)
    return torch.randn(count, 3, SIZE, SIZE)


def losses_of(model, inputs):
    context = model.build_context(dict(source=dict(inputs=inputs)), [], contextlib.nullcontext)
    return model.compute_losses('reconstruction.autoencoder', context)


@pytest.mark.parametrize('loss_on', ['image', 'masked'])
def test_the_loss_is_the_mean_squared_error(loss_on):
    torch.manual_seed(0)
    model, x = autoencoder(loss_on=loss_on), images()
    torch.manual_seed(1)
    found = losses_of(model, x)
    torch.manual_seed(1)
    reconstruction, hidden = model.reconstruct(x)
    assert set(hidden.unique().tolist()) == {0.0, 1.0} and hidden.mean() == 0.75
    total, count, of_hidden, number = 0.0, 0, 0.0, 0
    for n in range(2):
        for channel in range(3):
            squared = (reconstruction[n, channel] - x[n, channel]) ** 2
            total, count = total + squared.sum(), count + squared.numel()
            of_hidden = of_hidden + squared[hidden[n, 0] == 1].sum()
            number += int(hidden[n].sum())
    wanted = total / count if loss_on == 'image' else of_hidden / number
    assert float(found['reconstruction.loss'].detach()) == pytest.approx(float(wanted), rel=1e-5)
    assert float(found['reconstruction.mse_hidden']) == pytest.approx(float(of_hidden / number), rel=1e-5)
    found['reconstruction.loss'].backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())


def test_masks_are_whole_patches_and_differ_between_images():
    _, hidden = autoencoder().reconstruct(images(4))
    patches = hidden.view(4, 4, 16, 4, 16).transpose(2, 3).reshape(4, 16, 256)
    assert (patches.amin(-1) == patches.amax(-1)).all()
    assert len({tuple(one.tolist()) for one in patches[..., 0]}) > 1


def test_with_mask_pixels_hidden_values_change_nothing():
    """Behind a mask of pixels nothing of what is hidden can reach the reconstruction; behind one of tokens it does."""
    for mask, same in (('pixels', True), ('tokens', False)):
        torch.manual_seed(0)
        model, x = autoencoder(mask=mask), images()
        model.embedding.eval()  # batch norm would carry values from image to image
        torch.manual_seed(1)
        first, hidden = model.reconstruct(x)
        changed = torch.where(hidden == 1, torch.randn_like(x), x)
        torch.manual_seed(1)
        second, _ = model.reconstruct(changed)
        assert torch.equal(first, second) == same


def test_a_patch_is_put_back_where_it_was():
    """A decoder that gives the number of each token's place: the picture must count them row by row."""
    model = autoencoder()
    places = torch.arange(16.0).view(1, 16, 1)
    model.decoder = type('Places', (torch.nn.Module,), {'forward': lambda self, x: places.expand(len(x), -1, 8)})()
    torch.nn.init.constant_(model.to_pixels.weight, 1 / 8)
    torch.nn.init.zeros_(model.to_pixels.bias)
    picture, _ = model.reconstruct(images())
    rows, cols = torch.meshgrid(torch.arange(SIZE) // 16, torch.arange(SIZE) // 16, indexing='ij')
    assert torch.allclose(picture, (rows * 4 + cols).float().expand_as(picture), atol=1e-5)


def test_positions_are_sines_and_cosines():
    found = sine_positions(3, 5, 8)
    for row in range(3):
        for col in range(5):
            wanted = []
            for value in (row, col):
                angles = [value / 10_000 ** (i / 2) for i in range(2)]
                wanted += [math.sin(a) for a in angles] + [math.cos(a) for a in angles]
            assert torch.allclose(found[row * 5 + col], torch.tensor(wanted), atol=1e-6)


def test_a_killed_pretraining_resumes_exactly_and_reads_no_labels(tmp_path):
    model = dict(
        type='MaskedAutoencoder', embedding=dict(type='ToyBackbone', stride=4), embedding_channels=4, stride=4,
        upsample=2, channels=8, depth=1, heads=2, decoder_channels=8, decoder_depth=1, decoder_heads=2,
    )  # fmt: skip
    dataset = dict(type='UDADataset', source=dict(type='ToyDataset', labelled=False), labelled_source=False)
    optimizers = dict(autoencoder=dict(params=['*'], optimizer=optimizer()))
    cfg = config(model, [dict(name='all', iters=6)], optimizers, dataset)
    whole = build_runner(cfg, tmp_path / 'whole')
    whole.train()
    with pytest.raises(KilledError):
        build_runner(cfg, tmp_path / 'killed', (KillHook(4),), save_at=3).train()
    resumed = build_runner(cfg, tmp_path / 'killed', resume=True)
    resumed.train()
    assert differences(state_of(whole), state_of(resumed)) == []
    del cfg['train_dataloader']['dataset']['labelled_source']
    with pytest.raises(ValueError, match='labelled_source=False for a training that reads none'):
        build_runner(cfg, tmp_path / 'refused').train()


def test_its_encoder_initialises_a_segmentors(tmp_path):
    model = autoencoder()
    torch.save(dict(state_dict=model.state_dict()), tmp_path / 'mae.pth')
    init = dict(type='Pretrained', checkpoint=str(tmp_path / 'mae.pth'), prefix='embedding.')
    backbone = MODELS.build(dict(NARROW, init_cfg=init))
    backbone.init_weights()
    assert not differences(backbone.state_dict(), model.embedding.state_dict())


def test_weights_are_xaviers_and_no_two_blocks_share_them():
    model = autoencoder(depth=3, decoder_depth=2, channels=64, decoder_channels=64)
    kinds = {}
    for name, parameter in model.state_dict().items():
        if name.startswith(('encoder.', 'decoder.', 'to_decoder.', 'to_pixels.')) and parameter.ndim == 2:
            bound = math.sqrt(6 / sum(parameter.shape))
            assert parameter.abs().max() <= bound and float(parameter.std()) == pytest.approx(
                bound / math.sqrt(3), rel=0.1
            )
            kinds.setdefault((name.split('layers.')[-1][1:], parameter.shape), []).append(parameter)
        elif name.endswith('bias') and not name.startswith('embedding.'):
            assert not parameter.any()
    for alike in kinds.values():
        assert not any(torch.equal(a, b) for i, a in enumerate(alike) for b in alike[:i])
    assert sum(len(alike) == 5 for alike in kinds.values()) == 4  # in and out of the attention, both layers behind it
    bound = math.sqrt(6 / (32 + 64))
    assert float(model.state_dict()['to_tokens.weight'].std()) == pytest.approx(bound / math.sqrt(3), rel=0.1)


def test_one_stream_may_be_given_by_its_name():
    assert autoencoder(streams='source').streams == ('source',)


def test_tokens_of_both_upsamplings():
    feature = images()[..., :4, :2]
    up = autoencoder(embedding_channels=3).to_tokens
    found = up(feature)
    for row in range(8):
        for col in range(4):
            wanted = up.weight[:, :, row % 2, col % 2].T @ feature[0, :, row // 2, col // 2] + up.bias
            assert torch.allclose(found[0, :, row, col], wanted, atol=1e-6)
    up = autoencoder(embedding_channels=3, upsampling='bilinear').to_tokens
    found = up(feature)
    wanted = torch.tensor([1.0, 0.75, 0.25, 0.0])  # the weight of the left column along a row of two
    inside = (feature[..., :1] * wanted + feature[..., 1:] * (1 - wanted))[0, :, 0]
    assert torch.allclose(found[0, :, 0], up[1].weight[..., 0, 0] @ inside + up[1].bias[:, None], atol=1e-6)


@pytest.mark.parametrize('upsampling', ['transposed', 'bilinear'])
def test_it_learns_to_reconstruct(upsampling):
    torch.manual_seed(0)
    model, x = autoencoder(upsampling=upsampling), images(4).clamp(-1, 1)
    x = torch.nn.functional.interpolate(x[..., :4, :4], size=(SIZE, SIZE), mode='bilinear')
    optimiser = torch.optim.Adam(model.parameters(), lr=3e-3)
    values = []
    for _ in range(160):
        loss = losses_of(model, x)['reconstruction.loss']
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        values.append(loss.item())
    assert sum(values[-5:]) / 5 < 0.6 * x.var()  # eight channels cannot hold all


@pytest.mark.parametrize(
    ('options', 'says'),
    [
        (dict(upsampling='nearest'), "upsampling='nearest' of MaskedAutoencoder is unknown"),
        (dict(mask='rows'), "mask='rows' of MaskedAutoencoder is unknown"),
        (dict(mask_ratio=1.0), 'a share between 0 and 1'),
    ],
)
def test_wrong_settings_are_refused(options, says):
    with pytest.raises(ValueError, match=says):
        autoencoder(**options)


def test_images_of_another_size_are_refused():
    with pytest.raises(ValueError, match='48 x 64 px, which 32 does not divide'):
        autoencoder().reconstruct(torch.zeros(1, 3, 48, 64))
