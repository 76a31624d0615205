"""The parts of the config that is written for a user's own rasters."""

TEXT = """\
# {title}
_base_ = [
{bases}]
classes = dict(classes={names}, palette={palette})
gsd = {gsd}  # metres per pixel at which both domains are seen
extent = {extent}  # metres of ground in a crop: {crop} px
part = dict(share={share}, buffer=extent)  # held out: {held_out}
source = dict(
    type='RasterDataset', metainfo=classes,
{source}
)
target = dict(
    type='RasterDataset', metainfo=classes,
{target}
)
crop, load = dict(type='RandomGroundCrop', extent=extent), dict(type='LoadRasterWindow')
resample, pack = dict(type='ResampleToGSD', gsd=gsd, label=True), dict(type='PackUDAInputs')
pipeline = [crop, load, resample, dict(type='RandomFlipAll'), pack]
{augmented}train_dataloader = dict(batch_size=2, num_workers=0, dataset=dict(
    type='UDADataset',
    source=dict(source, part=dict(part, name='train'), pipeline={source_pipeline}),
    target=dict(target, part=dict(part, name='train'), pipeline=pipeline, labelled=False),{rare}
))
test_pipeline = [load, dict(type='ResampleToGSD', gsd=gsd), pack]
held_out = dict(part=dict(part, name='held_out'), tile={tile}, pipeline=test_pipeline)
{evaluation}
"""
AUGMENTED = """\
# Source crops of half to twice the ground, in random colours.
augmented = [dict(crop, zoom=(0.5, 2.0)), load, resample, pipeline[3], dict(type='PhotoMetricDistortion'), pack]
"""
UNLABELLED = """\
# The source says whether the training works. The target has no labels; a choice without labels reads its images.
val_dataloader, test_dataloader = (dict(dataset=dict(domain, **held_out)) for domain in (source, target))"""
LABELLED = """\
val_dataloader = dict(dataset=dict(target, **held_out))  # labels of the target, for the table alone"""
