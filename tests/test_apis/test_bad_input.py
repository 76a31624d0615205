"""What a user gets wrong ends the command with one line that names it and the remedy, before the first iteration."""

import numpy as np
import pytest
import rasterio
from rasterio.transform import from_origin

from mmuda.apis import exit_on_user_error, train
from mmuda.models import DomainAdaptation

SIZE = 160  # crops of 128 px, of which a quarter is the least that FCDiscriminator takes
CLASSES = ('ground', 'roof')


def write(path, array, place=True):
    path.parent.mkdir(parents=True, exist_ok=True)
    bands = array[None] if array.ndim == 2 else array
    count, height, width = bands.shape
    grid = dict(crs='EPSG:32633', transform=from_origin(500000, 5000000, 1, 1)) if place else {}
    with rasterio.open(
        path, 'w', driver='GTiff', count=count, height=height, width=width, dtype='uint8', **grid
    ) as file:
        file.write(bands)


@pytest.fixture
def folder(tmp_path):
    rng = np.random.default_rng(0)
    for name in ('images', 'target'):
        write(tmp_path / name / 'a.tif', rng.integers(0, 256, (3, SIZE, SIZE), np.uint8))
    write(tmp_path / 'labels/a.tif', rng.integers(0, 2, (SIZE, SIZE), np.uint8))
    return tmp_path


@pytest.fixture
def refused(folder, tiny, monkeypatch, capsys):
    """Trains on the rasters of ``folder`` with options; the one line that the command ends with."""

    def step(*args, **kwargs):
        raise AssertionError('training has begun')

    monkeypatch.setattr(DomainAdaptation, 'train_step', step)

    def refused(**options):
        pipeline = [dict(type=name) for name in ('RandomGroundCrop', 'LoadRasterWindow', 'PackUDAInputs')]
        pipeline[0]['extent'] = options.pop('extent', 128.0)
        common = dict(type='RasterDataset', data_root=str(folder), metainfo=dict(classes=CLASSES), pipeline=pipeline)
        streams = dict(
            source=dict(data_prefix=dict(img_path='images', seg_map_path='labels'), **common),
            target=dict(data_prefix=dict(img_path='target'), **common),
        )
        for stream, changes in options.pop('streams', {}).items():
            streams[stream].update(changes)
        cfg = tiny(train_dataloader__dataset=dict(type='UDADataset', **streams), **options)
        with pytest.raises(SystemExit) as ended, exit_on_user_error():
            train(cfg, str(folder / 'run'))
        assert ended.value.code == 2
        message, hint = capsys.readouterr().err.strip().splitlines()[-2:]
        assert 'MMUDA_TRACEBACK' in hint
        assert not list((folder / 'run').glob('*.pth'))
        return message

    return refused


def test_the_rasters_are_fine_until_they_are_spoilt(refused):
    with pytest.raises(AssertionError, match='training has begun'):
        refused()


def test_labels_out_of_range(refused, folder):
    write(folder / 'labels/a.tif', np.full((SIZE, SIZE), 7, np.uint8))
    message = refused()
    assert 'labels/a.tif holds the value 7, but only 0, 1, 255 are allowed; correct the label' in message


def test_class_counts_of_source_and_target(refused):
    message = refused(streams=dict(target=dict(metainfo=dict(classes=(*CLASSES, 'road')))))
    assert 'source has 2 classes' in message and 'target has 3' in message and 'metainfo=dict(classes=...)' in message


def test_class_counts_of_data_and_network(refused):
    message = refused(model__segmentor__decode_head__num_classes=5, model__terms__output=None)
    assert 'has 2 classes' in message and 'num_classes=5; set num_classes=2' in message


def test_no_images(refused):
    message = refused(streams=dict(target=dict(img_suffix='.png')))
    assert 'found no images in' in message and "'.png'; check data_root" in message


def test_image_and_label_of_different_size(refused, folder):
    write(folder / 'labels/a.tif', np.zeros((SIZE, SIZE - 1), np.uint8))
    message = refused()
    assert 'labels/a.tif is 160 x 159 px, but its image' in message and 'bring both to the same grid' in message


def test_unreadable_raster(refused, folder):
    (folder / 'target/a.tif').write_bytes(b'no raster')
    message = refused()
    assert 'target/a.tif cannot be read as a raster' in message and 'replace it by an intact copy' in message


def test_missing_gsd(refused, folder):
    write(folder / 'target/a.tif', np.zeros((3, SIZE, SIZE), np.uint8), place=False)
    message = refused()
    assert 'target/a.tif has no georeference' in message and 'set gsd=<metres per pixel>' in message


def test_crop_larger_than_the_raster(refused):
    message = refused(extent=200.0)
    assert 'is 200 x 200 px on' in message and 'only 160 x 160 px; make the crop smaller' in message


def test_a_tap_that_the_segmentor_does_not_offer(refused):
    message = refused(model__terms__output__source='source:sr_image')
    assert ":sr_image' is not offered by EncoderDecoder; it offers cells, features.<i>" in message


def test_an_optimiser_name_without_a_network(refused):
    message = refused(optim_wrapper__critic=dict(optimizer=dict(type='Adam', lr=1e-3)))
    assert "optim_wrapper.critic ('critic' must own a network)" in message and 'name one of' in message


def test_a_schedule_without_an_optimiser(refused):
    message = refused(param_scheduler=dict(segmentor=[], discriminator=[], critic=[]))
    assert 'an entry for the unknown critic' in message


def test_a_file_where_the_work_directory_should_be(tiny, tmp_path, capsys):
    (tmp_path / 'run').write_text('')
    with pytest.raises(SystemExit) as ended, exit_on_user_error():
        train(tiny(), str(tmp_path / 'run'))
    assert ended.value.code == 2
    line, hint = capsys.readouterr().err.splitlines()
    assert line.startswith(f'error: {tmp_path / "run"} ') and 'choose another' in line and 'MMUDA_TRACEBACK' in hint
