# Region aggregation alone; Chesapeake.
_base_ = [
    '../_base_/models/unet-r18.py',
    '../_base_/methods/region_aggregation.py',
    '../_base_/datasets/low2high.py',
    '../_base_/schedules/low2high_100e.py',
    '../_base_/default_runtime.py',
]
model = _base_.method
default_hooks = dict(checkpoint=dict(save_best='cell/mIoU', rule='greater'))
