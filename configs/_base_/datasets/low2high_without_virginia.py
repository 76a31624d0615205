# Low2High's generalisation study: training without Virginia (20,823 images); tested on the same regions.
_base_ = './low2high.py'
regions = ('de_', 'md_', 'ny_', 'pa_', 'wv_')
exemplar = dict(name_prefix=regions)
train_dataloader = dict(dataset=dict(source=dict(name_prefix=regions)))
val_dataloader = dict(dataset=dict(name_prefix=regions))
test_dataloader = dict(dataset=dict(name_prefix=regions))
