# NoAdapt: trained on the source's own grid, tested on the target's own grid.
_base_ = [
    '../_base_/models/noadapt_resaspp_narrow.py',
    '../_base_/datasets/source_only_synthetic.py',
    '../_base_/schedules/noadapt_synthetic.py',
    '../_base_/default_runtime.py',
]
num_classes = 6
model = dict(segmentor=dict(decode_head=dict(num_classes=num_classes)))
