# Region aggregation alone; synthetic imagery.
_base_ = [
    '../_base_/models/unet-r18_narrow.py',
    '../_base_/methods/region_aggregation.py',
    '../_base_/datasets/low2high_synthetic.py',
    '../_base_/schedules/low2high_short.py',
    '../_base_/default_runtime.py',
]
model = _base_.method
