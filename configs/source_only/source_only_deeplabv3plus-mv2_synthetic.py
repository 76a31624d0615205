_base_ = [
    '../_base_/models/deeplabv3plus-mv2.py',
    '../_base_/datasets/synthetic.py',
    '../_base_/schedules/short.py',
    '../_base_/default_runtime.py',
]
num_classes = 6
model = dict(segmentor=dict(decode_head=dict(num_classes=num_classes, out_channels=num_classes)))
