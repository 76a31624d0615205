import numpy as np
import pytest

from mmuda.datasets import RasterDataset

CLASSES = dict(classes=('background', 'building'), palette=[[0, 0, 0], [255, 255, 255]])


def build(root, **kwargs):
    settings = dict(data_prefix=dict(img_path='img_dir', seg_map_path='ann_dir'), metainfo=CLASSES, data_root=str(root))
    return RasterDataset(**settings | kwargs)


@pytest.mark.parametrize(
    'options, says',
    [
        (dict(gsd='0.5'), "gsd='0.5' of RasterDataset must be a positive number"),
        (dict(gsd=float('inf')), 'gsd=inf of RasterDataset must be a positive number'),
        (dict(value_range=255), 'value_range=255 of RasterDataset must be (low, high)'),
        (dict(value_range=(255,)), 'value_range=(255,) of RasterDataset must be (low, high)'),
        (dict(value_range='01'), "value_range='01' of RasterDataset must be (low, high)"),
        (dict(value_range=((0, 9), (5, 5), (1, 2))), 'value_range=((0, 9), (5, 5), (1, 2)) of RasterDataset must be'),
        (dict(value_range=((0, 9), 7, (1, 2))), 'value_range=((0, 9), 7, (1, 2)) of RasterDataset must be'),
        (dict(value_range=((0, 9), (1, 2))), 'value_range of RasterDataset has 2 pairs for 3 band(s); give one pair'),
        (dict(value_range=((0, 9), (1, 2)), bands=None), 'a.tif) has 2 pairs for 3 band(s)'),
        (dict(value_range=(0, float('inf'))), 'value_range=(0, inf) of RasterDataset must be (low, high)'),
        (dict(label_band=0), 'label_band=0 of RasterDataset must be one band, counted from 1'),
        (dict(label_band='1'), "label_band='1' of RasterDataset must be one band"),
        (
            dict(tile=20, indices=[1, 18]),
            'indices=[1, 18] of RasterDataset chooses items that are not there; it has 18',
        ),
        (dict(tile=20, indices=19), 'so give a number up to 18, or a list of 0 to 17'),
        (dict(indices=0), 'indices=0 of RasterDataset chooses items that are not there'),
        (dict(label_band=4), 'a.tif has 1 band(s), but label_band=4 is asked for'),
        (dict(label_values=[0, 1]), 'label_values=[0, 1] of RasterDataset must be a dict'),
        (dict(label_values={'0': 0}), "label_values of RasterDataset maps '0' to 0; give numbers and class indices"),
        (dict(label_values={0: 'background'}), "label_values of RasterDataset maps 0 to 'background'"),
        (dict(label_colours=[(0, 0, 0)]), 'label_colours=[(0, 0, 0)] of RasterDataset must be a dict'),
        (dict(label_colours={(0, 0, 0): 'building'}), "label_colours of RasterDataset maps (0, 0, 0) to 'building'"),
    ],
)
def test_options_that_mean_nothing(buildings, options, says):
    with pytest.raises(ValueError) as error:
        build(buildings, **options)
    assert says in str(error.value)


def test_tiles_of_numpy_and_of_lists(buildings):
    assert build(buildings, tile=np.int64(20)).tile == (20, 20) and build(buildings, tile=[20, 30]).tile == (20, 30)


@pytest.mark.parametrize('folder, says', [('img_dir', 'write their amplitude'), ('ann_dir', 'convert it to uint8')])
def test_complex_numbers_are_neither_images_nor_labels(buildings, write_raster, folder, says):
    count = dict(img_dir=(40, 60, 3), ann_dir=(40, 60))[folder]
    write_raster(buildings / folder / 'a.tif', np.zeros(count, np.complex64), gsd=1.0)
    with pytest.raises(ValueError, match=f'a.tif is complex64.*{says}'):
        build(buildings, value_range=(0, 255))
