# SRDA-Net on the built-in synthetic imagery: 1.0 m with labels -> 0.3 m without, six classes.
_base_ = [
    '../_base_/models/srda_resaspp_narrow.py',
    '../_base_/datasets/srda_synthetic.py',
    '../_base_/schedules/srda_synthetic.py',
    '../_base_/default_runtime.py',
]
num_classes = 6
model = dict(
    segmentor=dict(decode_head=dict(num_classes=num_classes)),
    terms=dict(output=dict(discriminator=dict(in_channels=num_classes))),
)
