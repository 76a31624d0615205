# Potsdam (5 cm) -> Vaihingen (9 cm): random crops of 512 px on each raster's own grid, as in Earth-Adapter and other
# aerial benchmarks, with mmseg's splits: 24 and 16 images for training, 17 of Vaihingen for validation. Bands are near
# infrared, red, green of both; Earth-Adapter takes red, green, blue of Potsdam (another data_root of the source).
load, flip, pack = dict(type='LoadRasterWindow'), dict(type='RandomFlipAll'), dict(type='PackUDAInputs')
crop = dict(type='RandomGroundCrop', size=512)
train_pipeline = [crop, load, flip, pack]
train_dataloader = dict(
    batch_size=2,
    num_workers=4,
    dataset=dict(
        type='UDADataset',
        source=dict(type='Potsdam', split='all', pipeline=train_pipeline),
        target=dict(type='Vaihingen', split='train', labelled=False, pipeline=train_pipeline),
    ),
)
val_dataloader = dict(dataset=dict(type='Vaihingen', split='val', tile=512, last_tile='shift', pipeline=[load, pack]))
# Source crops of half to twice the ground's extent, in random colours: train_dataloader = _base_.augmented
zoomed, back = dict(crop, zoom=(0.5, 2.0)), dict(type='ResampleToGSD', ratio=1, label=True)
distort = dict(type='PhotoMetricDistortion')
augmented = dict(dataset=dict(source=dict(pipeline=[zoomed, load, back, flip, distort, pack])))
