# LoveDA, urban -> rural, 7 classes at 0.3 m: random crops of 512 px, tested on whole images of 1024 px. Adapts to the
# target's training images and scores its validation images, as Earth-Adapter does. LoveDA's own challenge adapts to the
# validation images and scores the test images, whose labels are withheld.
load, flip, pack = dict(type='LoadRasterWindow'), dict(type='RandomFlipAll'), dict(type='PackUDAInputs')
crop = dict(type='RandomGroundCrop', extent=153.6)  # metres: 512 px
train_pipeline = [crop, load, flip, pack]
train_dataloader = dict(
    batch_size=2,
    num_workers=4,
    dataset=dict(
        type='UDADataset',
        source=dict(type='LoveDA', area='urban', split='train', pipeline=train_pipeline),
        target=dict(type='LoveDA', area='rural', split='train', labelled=False, pipeline=train_pipeline),
    ),
)
val_dataloader = dict(dataset=dict(type='LoveDA', area='rural', split='val', pipeline=[load, pack]))
# Source crops of 77 to 307 m of ground in random colours: train_dataloader = _base_.augmented
zoomed, back = dict(crop, zoom=(0.5, 2.0)), dict(type='ResampleToGSD', ratio=1, label=True)
distort = dict(type='PhotoMetricDistortion')
augmented = dict(dataset=dict(source=dict(pipeline=[zoomed, load, back, flip, distort, pack])))
