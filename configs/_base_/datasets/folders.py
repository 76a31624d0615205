# Two folders of images and labels on the same grid, the labels with the number of the class. The values below are those
# of the roads of three cities (data/city_roads); put yours in their place. A list of file names may select images;
# without lists, name_prefix may (`'la_'`), and '' takes all.
source_root, target_root = 'data/city_roads/source', 'data/city_roads/target'
source_list, target_list, test_list = 'train.txt', 'train.txt', 'val.txt'
source_prefix = target_prefix = ''
classes, palette = ('background', 'road'), [[0, 0, 0], [255, 255, 255]]
source_gsd = target_gsd = 0.3  # metres per pixel; None takes it from the georeference
gsd = 0.5  # both domains are seen at this one
extent = 64.0  # side of a training crop in metres: 128 px at 0.5 m
tile = 512

suffixes = ['.png', '.jpg', '.tif']
imagery = dict(
    type='RasterDataset',
    data_prefix=dict(img_path='images', seg_map_path='labels'),
    metainfo=dict(classes=classes, palette=palette),
    img_suffix=suffixes,
    seg_map_suffix=suffixes,
)
city = dict(imagery, data_root=target_root, name_prefix=target_prefix, gsd=target_gsd)
source = dict(imagery, data_root=source_root, ann_file=source_list, name_prefix=source_prefix, gsd=source_gsd)
target = dict(city, ann_file=target_list, labelled=False)
val = dict(city, ann_file=test_list)
load, flip, pack = dict(type='LoadRasterWindow'), dict(type='RandomFlipAll'), dict(type='PackUDAInputs')
resample = dict(type='ResampleToGSD', gsd=gsd, label=True)

crop = dict(type='RandomGroundCrop', extent=extent)
source_pipeline = target_pipeline = [crop, load, resample, flip, pack]
test_pipeline = [load, dict(type='ResampleToGSD', gsd=gsd), pack]
train_dataloader = dict(
    batch_size=2,
    num_workers=0,
    dataset=dict(
        type='UDADataset',
        source=dict(source, pipeline=source_pipeline),
        target=dict(target, pipeline=target_pipeline),
    ),
)
val_dataloader = dict(dataset=dict(val, tile=tile, pipeline=test_pipeline))
# Source crops of half to twice the ground in random colours: train_dataloader = _base_.augmented
zoomed, distort = dict(crop, zoom=(0.5, 2.0)), dict(type='PhotoMetricDistortion')
augmented = dict(dataset=dict(source=dict(pipeline=[zoomed, load, resample, flip, distort, pack])))
# The upper bound, trained on the target's labels.
on_target = dict(dataset=dict(source=dict(target, pipeline=target_pipeline, labelled=True)))
# Source crops with the histogram of random target crops.
matching = dict(type='HistogramMatching', reference=dict(target, pipeline=target_pipeline[:-1]))
histogram = dict(dataset=dict(source=dict(pipeline=[*source_pipeline[:-1], matching, pack])))
