"""The picture of a masked autoencoder, and the errors that are told with it."""

import io

import numpy as np
import pytest
import rasterio
import torch
from mmengine.config import Config
from PIL import Image

from mmuda.apis import UserError
from mmuda.apis.reconstruct import draw_reconstructions
from mmuda.registry import MODELS
from mmuda.utils.setup_env import register_all_modules

register_all_modules()
SIZE = 64
MODEL = dict(
    type='MaskedAutoencoder', embedding=dict(type='StemResNet', base_channels=4, stem_channels=4),
    embedding_channels=32, channels=16, depth=1, heads=2, decoder_channels=8, decoder_depth=1, decoder_heads=2,
    data_preprocessor=dict(type='UDADataPreprocessor', mean=[100.0, 50.0, 0.0], std=[50.0, 25.0, 255.0]),
)  # fmt: skip


@pytest.fixture
def cfg(tmp_path):
    values = np.random.default_rng(0).integers(0, 255, (3, SIZE, SIZE)).astype(np.uint8)
    (tmp_path / 'img').mkdir()
    with rasterio.open(
        tmp_path / 'img' / 'a.tif', 'w', driver='GTiff', count=3, height=SIZE, width=SIZE, dtype='uint8',
        crs='EPSG:32633', transform=rasterio.Affine(0.5, 0, 9, 0, -0.5, 7),
    ) as file:  # fmt: skip
        file.write(values)
    pipeline = [dict(type='LoadRasterWindow', with_label=False), dict(type='PackUDAInputs')]
    source = dict(
        type='RasterDataset', data_prefix=dict(img_path=str(tmp_path / 'img')), labelled=False, pipeline=pipeline
    )
    torch.manual_seed(0)
    torch.save(dict(state_dict=MODELS.build(MODEL).state_dict()), tmp_path / 'mae.pth')
    return Config(dict(model=MODEL, train_dataloader=dict(dataset=dict(type='UDADataset', source=source))))


def test_errors_are_those_of_what_is_drawn(cfg, tmp_path, monkeypatch):
    image = rasterio.open(tmp_path / 'img' / 'a.tif').read().astype(float)
    normal = (image - np.array([100, 50, 0])[:, None, None]) / np.array([50, 25, 255])[:, None, None]
    hidden = np.zeros((SIZE, SIZE), dtype=bool)
    hidden[:16] = hidden[16:, :48] = True
    constant = np.array([0.5, 1.0, 2.0])[:, None, None]

    def reconstruct(self, images):
        found = torch.tensor(constant).expand(1, 3, SIZE, SIZE).float()
        return found, torch.tensor(hidden[None, None]).float()

    monkeypatch.setattr('mmuda.models.wrappers.masked_autoencoder.MaskedAutoencoder.reconstruct', reconstruct)
    panels = []
    monkeypatch.setattr('mmuda.apis.reconstruct.draw_panels', lambda rows: panels.extend(rows) or b'png')
    errors = draw_reconstructions(cfg, tmp_path / 'mae.pth', tmp_path / 'out' / 'p.png', count=1)
    squared = (normal - constant) ** 2
    assert errors['mse_hidden'] == pytest.approx(squared[:, hidden].mean(), rel=1e-5)
    assert errors['mse_shown'] == pytest.approx(squared[:, ~hidden].mean(), rel=1e-5)
    variance = np.mean([(channel - channel.mean()) ** 2 for channel in normal])
    assert errors['variance'] == pytest.approx(variance, rel=1e-5)
    (whole, shown, made, both), bands_last = (panel.image for panel in panels[0]), image.transpose(1, 2, 0)
    assert (
        (whole == bands_last).all() and (shown[~hidden] == bands_last[~hidden]).all() and (shown[hidden] == 160).all()
    )
    assert (made == np.array([125, 75, 255])).all()  # 0.5 * 50 + 100, 1 * 25 + 50, 2 * 255 clamped
    assert (both[~hidden] == bands_last[~hidden]).all() and (both[hidden] == made[hidden]).all()


def test_a_picture_is_written_and_repeats(cfg, tmp_path):
    found = [draw_reconstructions(cfg, tmp_path / 'mae.pth', tmp_path / f'{i}.png', count=2, seed=1) for i in range(2)]
    assert found[0] == found[1] and (tmp_path / '0.png').read_bytes() == (tmp_path / '1.png').read_bytes()
    assert Image.open(io.BytesIO((tmp_path / '0.png').read_bytes())).size[0] > 400


def test_other_models_and_checkpoints_are_refused(cfg, tmp_path):
    torch.save(dict(state_dict={}), tmp_path / 'empty.pth')
    for name, change in (('wide', dict(channels=32)), ('deep', dict(depth=2))):
        torch.save(dict(state_dict=MODELS.build({**MODEL, **change}).state_dict()), tmp_path / f'{name}.pth')
    for name, says in (('empty', 'missing'), ('wide', 'shape'), ('deep', 'unexpected')):
        with pytest.raises(UserError, match=rf'{name}\.pth is of another model: .*{says}'):
            draw_reconstructions(cfg, tmp_path / f'{name}.pth', tmp_path / 'p.png')
    cfg.model = dict(type='StemResNet')
    with pytest.raises(UserError, match='is a StemResNet; give a config of MaskedAutoencoder'):
        draw_reconstructions(cfg, tmp_path / 'mae.pth', tmp_path / 'p.png')
    assert not (tmp_path / 'p.png').exists()
