"""A folder of small rasters, and a run that labels it by itself."""

import numpy as np
import rasterio
from rasterio.transform import from_origin

from mmuda.testing.toy import plain_segmentor
from tests.helpers.toy import config, optimizer

NAMES, SHAPE, TILE = ('a', 'sub/b'), (40, 56), 32


def draw_images(folder):
    rng = np.random.RandomState(0)
    for name in NAMES:
        path = folder / f'{name}.tif'
        path.parent.mkdir(parents=True, exist_ok=True)
        transform = from_origin(500000.0, 4000000.0, 0.3, 0.3)
        with rasterio.open(path, 'w', driver='GTiff', height=SHAPE[0], width=SHAPE[1], count=3, dtype='uint8',
                           crs='EPSG:32633', transform=transform) as file:  # fmt: skip
            file.write(rng.randint(0, 255, (3, *SHAPE)).astype(np.uint8))
    return folder


def raster_stream(images, pipeline, **kwargs):
    metainfo = dict(classes=('low', 'middle', 'high'), palette=[[0, 0, 0], [9, 9, 9], [99, 99, 99]])
    return dict(type='RasterDataset', data_prefix=dict(img_path=str(images), **kwargs.pop('prefix', {})),
                metainfo=metainfo, pipeline=pipeline, **kwargs)  # fmt: skip


def self_training(images, threshold=None, **overrides):
    loading = [dict(type='LoadRasterWindow'), dict(type='PackUDAInputs')]
    crops = [dict(type='RandomGroundCrop', extent=4.8), *loading]
    tiles = dict(batch_size=1, num_workers=0, sampler=dict(type='DefaultSampler', shuffle=False),
                 dataset=raster_stream(images, loading, tile=TILE, labelled=False))  # fmt: skip
    pseudo = raster_stream(images, crops, prefix=dict(seg_map_path='{work_dir}/pseudo_labels/again'))
    stages = [
        dict(name='source', iters=3, terms=['supervised']),
        dict(
            name='again',
            iters=4,
            pseudo_labels=dict(dataloader=tiles, threshold=threshold or dict(kind='median')),
            train_dataloader=dict(dataset=dict(pseudo=pseudo)),
        ),
    ]
    terms = dict(pseudo=dict(type='SupervisedTerm', view='pseudo'))
    model = dict(type='DomainAdaptation', segmentor=plain_segmentor(), terms=terms)
    return config(model, stages, dict(segmentor=dict(params=['segmentor'], optimizer=optimizer())), **overrides)


def labels_of(folder):
    labels = {}
    for name in NAMES:
        with rasterio.open(folder / 'pseudo_labels' / 'again' / f'{name}.tif') as file:
            labels[name] = file.read(1), file.transform, file.crs
    return labels
