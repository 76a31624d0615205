import numpy as np
import pytest
import torch
from mmengine.dataset import pseudo_collate

from mmuda.datasets.transforms import FourierTransfer, HistogramMatching, ReinhardTransfer
from mmuda.datasets.transforms.channel_order import in_order
from mmuda.registry import DATASETS, MODELS, TRANSFORMS
from mmuda.utils.setup_env import register_all_modules

METAINFO = dict(classes=('dark', 'bright'), palette=[[0, 0, 0], [255, 255, 255]])


@pytest.fixture(autouse=True)
def _scope():
    register_all_modules()


@pytest.fixture
def picture(tmp_path, write_raster):
    """A red picture, as a raster and as an image that mmseg reads; its label is 0."""
    image = np.empty((16, 16, 3), np.uint8)
    image[:] = (200, 100, 20)
    for folder, suffix in (('raster', '.tif'), ('plain', '.png')):
        write_raster(tmp_path / folder / f'a{suffix}', image, gsd=1.0 if suffix == '.tif' else None)
        write_raster(tmp_path / f'{folder}_labels' / f'a{suffix}', image[..., 0] * 0)
    return tmp_path


def raster(root, **kwargs):
    steps = [dict(type='LoadRasterWindow'), dict(type='PackUDAInputs')]
    prefix = dict(img_path='raster', seg_map_path='raster_labels')
    return (
        dict(type='RasterDataset', data_root=str(root), data_prefix=prefix, metainfo=METAINFO, pipeline=steps) | kwargs
    )


def plain(root, load=(), pack='PackSegInputs', **kwargs):
    steps = [dict(dict(type='LoadImageFromFile'), **dict(load)), dict(type='LoadAnnotations'), dict(type=pack)]
    prefix = dict(img_path='plain', seg_map_path='plain_labels')
    return (
        dict(type='BaseSegDataset', data_root=str(root), data_prefix=prefix, img_suffix='.png', metainfo=METAINFO)
        | dict(pipeline=steps)
        | kwargs
    )


def colours(preprocessor, sample, training):
    """Colours that the network is given of a sample, by stream, before they are normalised."""
    batch = pseudo_collate([sample])
    batch = MODELS.build(dict(type='UDADataPreprocessor', mean=[0.0] * 3, std=[1.0] * 3, **preprocessor))(batch)
    batches = batch if training else dict(test=batch)
    return {name: one['inputs'][0, :, 0, 0].tolist() for name, one in batches.items()}


@pytest.mark.parametrize('pack', ['PackSegInputs', 'PackUDAInputs'])
@pytest.mark.parametrize('said', [{}, dict(bgr_to_rgb=True), dict(bgr_to_rgb=False)])
def test_streams_of_both_loaders_give_the_network_one_order(picture, pack, said):
    streams = dict(source=raster(picture), tiles=plain(picture, pack=pack))
    sample = DATASETS.build(dict(type='UDADataset', **streams))[0]
    options = dict(streams=dict(source=said, tiles=said))
    assert colours(options, sample, True) == dict(source=[200, 100, 20], tiles=[200, 100, 20])
    assert colours(dict(options, rgb_to_bgr=True), sample, True) == dict(source=[20, 100, 200], tiles=[20, 100, 200])


def test_a_loader_that_is_named_with_its_scope_says_its_order_too(picture):
    target = plain(picture, dict(type='mmseg.LoadImageFromFile'), pack='mmseg.PackSegInputs')
    sample = DATASETS.build(target)[0]
    assert sample['data_samples'].channel_order == 'BGR'


@pytest.mark.parametrize('rgb_to_bgr', [False, True])
def test_what_is_tested_on_has_the_order_of_training(picture, rgb_to_bgr):
    expected = [20, 100, 200] if rgb_to_bgr else [200, 100, 20]
    for dataset in (raster(picture), plain(picture), plain(picture, load=dict(imdecode_backend='pillow'))):
        sample = DATASETS.build(dataset)[0]
        assert colours(dict(rgb_to_bgr=rgb_to_bgr), sample, False) == dict(test=expected)


@pytest.mark.parametrize('options', [{}, dict(imdecode_backend='pillow'), dict(imdecode_backend='tifffile')])
@pytest.mark.parametrize('color_type', ['color', 'unchanged'])
def test_each_backend_of_mmcv_is_known(picture, options, color_type):
    if 'tifffile' in options.values():
        pytest.importorskip('tifffile')
    path = str(picture / ('raster/a.tif' if 'tifffile' in options.values() else 'plain/a.png'))
    results = TRANSFORMS.build(dict(type='LoadImageFromFile', color_type=color_type, **options))(dict(img_path=path))
    assert in_order(results['img'], results['channel_order'], 'RGB')[0, 0].tolist() == [200, 100, 20]


def test_statistics_are_in_the_order_that_the_network_is_given(picture):
    preprocessor = dict(type='UDADataPreprocessor', mean=[200, 100, 20], std=[1, 2, 4])
    for dataset in (raster(picture), plain(picture)):
        sample = pseudo_collate([DATASETS.build(dataset)[0]])
        assert (MODELS.build(preprocessor)(sample)['inputs'] == 0).all()
        moved = MODELS.build(dict(preprocessor, mean=[20, 100, 200], std=[4, 2, 1], rgb_to_bgr=True))
        assert (moved(sample)['inputs'] == 0).all()
        assert moved.to_pixels(torch.zeros(1, 3, 1, 1), 'target').flatten().tolist() == [200, 100, 20]


def test_only_what_does_not_say_its_order_is_told_by_the_config():
    preprocessor = MODELS.build(
        dict(type='UDADataPreprocessor', mean=[0.0] * 4, std=[1.0] * 4, streams=dict(a=dict(bgr_to_rgb=True)))
    )
    image = torch.tensor([1.0, 2.0, 3.0, 4.0]).view(4, 1, 1)
    batch = preprocessor(dict(a=dict(inputs=[image]), b=dict(inputs=[image])))
    assert batch['a']['inputs'].flatten().tolist() == [3, 2, 1, 4]  # near infrared stays where it is
    assert batch['b']['inputs'].flatten().tolist() == [1, 2, 3, 4]


def test_a_misspelt_key_of_a_stream_is_refused():
    with pytest.raises(ValueError, match=r"Statistics of source .* unknown keys \['bgr2rgb'\]; they may have .*bgr_to"):
        MODELS.build(dict(type='UDADataPreprocessor', streams=dict(source=dict(bgr2rgb=True))))


@pytest.mark.parametrize('transfer', [HistogramMatching, ReinhardTransfer, FourierTransfer])
def test_colours_are_taken_from_the_like_channel(picture, transfer):
    rng = np.random.default_rng(0)
    image = rng.integers(1, 250, (16, 16, 3)).astype(np.uint8)
    references = [plain(picture, pipeline=[dict(type='LoadImageFromFile')])]
    references.append(raster(picture, labelled=False, pipeline=[dict(type='LoadRasterWindow')]))
    found = []
    for reference in references:
        for order in ('RGB', 'BGR'):
            results = transfer(reference)(dict(img=in_order(image, 'RGB', order), channel_order=order))
            found.append(in_order(results['img'], order, 'RGB'))
    assert all(np.array_equal(found[0], other) for other in found[1:])
