"""Translated rasters: the windows' centres on the same grid, read back as the source of another method."""

import numpy as np
import pytest
import rasterio
import torch
from mmengine.config import Config

from mmuda.apis import UserError, translate
from mmuda.apis.translate import translate_dataset
from mmuda.datasets.raster.reading import close_rasters
from mmuda.models.wrappers import ImageTranslation
from mmuda.registry import DATASETS, MODELS
from mmuda.utils.locks import sole_writer
from mmuda.utils.setup_env import register_all_modules

register_all_modules()
SHAPES = {'a': (37, 50), 'sub/b': (20, 20)}


@pytest.fixture
def source(tmp_path):
    rng = np.random.default_rng(0)
    for name, (height, width) in SHAPES.items():
        for kind, count in (('img', 3), ('ann', 1)):
            path = tmp_path / kind / f'{name}.tif'
            path.parent.mkdir(parents=True, exist_ok=True)
            values = rng.integers(0, 200 if count == 3 else 2, (count, height, width)).astype(np.uint8)
            profile = dict(driver='GTiff', count=count, height=height, width=width, dtype='uint8', crs='EPSG:32633')
            with rasterio.open(path, 'w', transform=rasterio.Affine(0.5, 0, 9, 0, -0.5, 7), **profile) as file:
                file.write(values)
    return dict(
        type='RasterDataset', metainfo=dict(classes=('a', 'b')),
        data_prefix=dict(img_path=str(tmp_path / 'img'), seg_map_path=str(tmp_path / 'ann')),
    )  # fmt: skip


@pytest.fixture
def cfg(source):
    return Config(
        dict(
            model=dict(
                type='ImageTranslation',
                data_preprocessor=dict(type='UDADataPreprocessor', mean=[0.0] * 3, std=[255.0] * 3),
                generator=dict(type='ResNetGenerator', base_channels=2, blocks=1, activation='relu'),
                discriminator=dict(type='PatchDiscriminator', base_channels=2),
            ),
            train_dataloader=dict(dataset=dict(type='UDADataset', source=dict(source, pipeline=[]))),
        )
    )


@pytest.fixture
def checkpoint(cfg, tmp_path):
    torch.manual_seed(0)
    torch.save(dict(state_dict=MODELS.build(cfg.model).state_dict()), tmp_path / 'gan.pth')
    return tmp_path / 'gan.pth'


def silent(_):
    pass


def test_rasters_are_put_together_from_windows_on_their_own_grid(cfg, checkpoint, source, tmp_path, monkeypatch):
    """A pixelwise translation must not depend on windows; sizes that are no multiple of 4 are padded meanwhile."""
    shapes = []

    def brighter(self, images, domain='target'):
        shapes.append(tuple(images.shape[-2:]))
        return images.float() + 7

    monkeypatch.setattr(ImageTranslation, 'translate', brighter)
    files = translate_dataset(cfg, checkpoint, tmp_path / 'out', tile=24, margin=4, device='cpu', report=silent)
    assert [str(f.relative_to(tmp_path / 'out')) for f in files] == ['a.tif', 'sub/b.tif']
    for name, shape in SHAPES.items():
        with (
            rasterio.open(tmp_path / 'img' / f'{name}.tif') as old,
            rasterio.open(tmp_path / 'out' / f'{name}.tif') as new,
        ):
            assert np.array_equal(new.read(), old.read() + 7)
            assert (new.transform, new.crs, new.shape) == (old.transform, old.crs, shape)
    assert (tmp_path / 'out.png').is_file()
    assert len(shapes) > 4 and all(h % 4 == 0 and w % 4 == 0 and max(h, w) <= 24 for h, w in shapes)
    # What is there already is not made again, and another method reads it with the dataset's own labels.
    shapes.clear()
    translate_dataset(cfg, checkpoint, tmp_path / 'out', tile=24, margin=4, report=silent)
    assert shapes == []
    loading = [dict(type='LoadRasterWindow')]
    translated = DATASETS.build(dict(source, translated_images=str(tmp_path / 'out'), tile=64, pipeline=loading))
    original = DATASETS.build(dict(source, tile=64, pipeline=loading))
    for i in range(2):
        assert np.array_equal(translated[i]['img'], original[i]['img'] + 7)
        assert np.array_equal(translated[i]['gt_seg_map'], original[i]['gt_seg_map'])
    files[1].unlink()
    with pytest.raises(FileNotFoundError, match=r'sub/b.tif does not exist, .*write them with tools/translate.py'):
        DATASETS.build(dict(source, translated_images=str(tmp_path / 'out'), tile=64))


def test_values_are_those_of_the_generator(cfg, checkpoint, tmp_path):
    translate_dataset(cfg, checkpoint, tmp_path / 'out', tile=64, margin=4, device='cpu', report=silent)
    model = MODELS.build(cfg.model).eval()
    model.load_state_dict(torch.load(checkpoint, weights_only=True)['state_dict'])
    with (
        rasterio.open(tmp_path / 'img' / 'sub' / 'b.tif') as old,
        rasterio.open(tmp_path / 'out' / 'sub' / 'b.tif') as new,
    ):
        with torch.no_grad():
            expected = model.generators['target'](torch.from_numpy(old.read()).float()[None] / 255)[0] * 255
        assert np.array_equal(new.read(), expected.clamp(0, 255).round().byte().numpy())


def test_bands_and_values_are_applied_once(cfg, checkpoint, source, tmp_path, monkeypatch):
    """A translated image is in 8 bits and in the order of the chosen bands: the dataset reads it as it is."""
    monkeypatch.setattr(ImageTranslation, 'translate', lambda self, images, domain='target': images.float())
    options = dict(bands=(3, 1, 2), value_range=(0, 400))
    cfg.train_dataloader.dataset.source.update(options)
    translate_dataset(cfg, checkpoint, tmp_path / 'out', tile=64, margin=4, device='cpu', report=silent)
    loading = dict(tile=64, pipeline=[dict(type='LoadRasterWindow')])
    original = DATASETS.build(dict(source, **options, **loading))[0]['img']
    translated = DATASETS.build(dict(source, translated_images=str(tmp_path / 'out'), **options, **loading))[0]['img']
    assert np.array_equal(translated, np.round(original).astype(np.uint8))


def test_patches_of_the_rasters_own_distance_are_no_resampling(cfg, checkpoint, source, tmp_path):
    """A class may know its distance by itself; here it is the georeference's 0.5 m."""
    patches = dict(type='PatchSet', dataset=source, patches_per_raster=2, size=16, gsd=0.5)
    cfg.train_dataloader.dataset.source = patches
    assert len(translate_dataset(cfg, checkpoint, tmp_path / 'out', tile=64, margin=4, report=silent)) == 2
    cfg.train_dataloader.dataset.source = dict(patches, gsd=0.8)
    with pytest.raises(UserError, match='trains on a resampled source'):
        translate_dataset(cfg, checkpoint, tmp_path / 'other')


def test_images_of_another_checkpoint_are_not_taken_for_this_ones(cfg, checkpoint, tmp_path):
    translate_dataset(cfg, checkpoint, tmp_path / 'out', tile=64, margin=4, report=silent)
    torch.manual_seed(1)
    torch.save(dict(state_dict=MODELS.build(cfg.model).state_dict()), tmp_path / 'newer.pth')
    with pytest.raises(UserError, match='a.tif was made by another checkpoint'):
        translate_dataset(cfg, tmp_path / 'newer.pth', tmp_path / 'out', tile=64, margin=4, report=silent)


def test_two_processes_do_not_fill_one_folder(cfg, checkpoint, tmp_path):
    out = tmp_path / 'out'
    refused = pytest.raises(UserError, match='out is being filled by process .*choose another place')
    with sole_writer(out, 'being filled'), refused:
        translate_dataset(cfg, checkpoint, out, tile=64, margin=4, report=silent)
    assert not list(out.rglob('*.tif'))
    assert len(translate_dataset(cfg, checkpoint, out, tile=64, margin=4, report=silent)) == len(list(out.iterdir()))


def test_what_cannot_be_translated_is_told(cfg, checkpoint, tmp_path):
    with pytest.raises(UserError, match='tile=30 and margin=4: give multiples of 4'):
        translate_dataset(cfg, checkpoint, tmp_path / 'out', tile=30, margin=4)
    torch.save(dict(state_dict={}), tmp_path / 'none.pth')
    with pytest.raises(
        UserError, match=r'is of another model: \d+ missing: .*give a checkpoint that this config has written'
    ):
        translate_dataset(cfg, tmp_path / 'none.pth', tmp_path / 'out')
    cfg.train_dataloader.dataset.source.pipeline = [dict(type='ResampleToGSD', gsd=1.0)]
    with pytest.raises(UserError, match='trains on a resampled source'):
        translate_dataset(cfg, checkpoint, tmp_path / 'out')
    assert not (tmp_path / 'out').exists()


def test_a_source_that_training_squares_is_refused(cfg, source, checkpoint, tmp_path):
    path = tmp_path / 'img/a.tif'
    with rasterio.open(path, 'r+') as file:
        file.transform = rasterio.Affine(0.25, 0, 9, 0, -0.5, 7)
    with pytest.raises(UserError, match=r'the pixels of .*img/a\.tif are not square on the ground'):
        translate_dataset(cfg, checkpoint, tmp_path / 'out', report=silent)


def test_the_sources_own_images_are_never_replaced(cfg, checkpoint, source, tmp_path):
    before = {path: path.read_bytes() for path in (tmp_path / 'img').rglob('*.tif')}
    (tmp_path / 'link').symlink_to(tmp_path / 'img')
    for out in ('img', 'link'):
        with pytest.raises(UserError, match=r'/a\.tif is read as an input'):
            translate_dataset(cfg, checkpoint, tmp_path / out)
    # Images that were translated already are the inputs of a second translation.
    cfg.train_dataloader.dataset.source.update(data_prefix=dict(img_path=str(tmp_path / 'named')))
    (tmp_path / 'named').symlink_to(tmp_path / 'img')
    cfg.train_dataloader.dataset.source.translated_images = str(tmp_path / 'img')
    with pytest.raises(UserError, match=r'/a\.tif is read as an input'):
        translate_dataset(cfg, checkpoint, tmp_path / 'img')
    files = translate_dataset(cfg, checkpoint, tmp_path / 'out', tile=24, margin=4, device='cpu', report=silent)
    assert [str(f.relative_to(tmp_path / 'out')) for f in files] == ['a.tif', 'sub/b.tif']
    assert {path: path.read_bytes() for path in before} == before


@pytest.mark.parametrize('count', [3, 4])
def test_what_holds_no_data_holds_none_when_translated(source, tmp_path, count):
    """The next method reads the translated images with the labels that were there; a fourth band stays a band."""
    missing = np.random.default_rng(1).random(SHAPES['a']) > 0.7
    path = tmp_path / 'img' / 'a.tif'
    with rasterio.open(path) as file:
        profile = file.profile | dict(nodata=0, count=count, alpha='no')
        values = np.concatenate([file.read(), file.read(1)[None]])[:count].clip(1)
    values[:, missing] = 0
    with rasterio.open(path, 'w', **profile) as file:
        file.write(values)
    (tmp_path / 'img' / 'sub' / 'b.tif').unlink()
    close_rasters()
    source = dict(source, bands=tuple(range(1, count + 1)))
    dataset = DATASETS.build({**source, 'pipeline': [], 'labelled': False})
    model = torch.nn.Linear(1, 1)
    model.translate = lambda images: images.float() + 7
    translate._translate(model, dataset, dataset.rasters[0], tmp_path / 'out' / 'a.tif', 24, 4, 'x')
    read = dict(source, translated_images=str(tmp_path / 'out'), pipeline=[dict(type='LoadRasterWindow')])
    item = DATASETS.build(read)[0]
    assert item['img'].shape == (*SHAPES['a'], count)
    np.testing.assert_array_equal(item['gt_seg_map'] == 255, missing)
    np.testing.assert_array_equal(item['img'][~missing], values[:, ~missing].T + 7)
