# SRDA-Net, Vaihingen -> Potsdam, six ISPRS classes, alpha 5, beta 10 (the paper's settings).
_base_ = [
    '../_base_/models/srda_resaspp.py',
    '../_base_/datasets/srda_vaih2pots.py',
    '../_base_/schedules/srda_vaih2pots.py',
    '../_base_/default_runtime.py',
]
num_classes = 6
model = dict(
    segmentor=dict(decode_head=dict(num_classes=num_classes)),
    terms=dict(output=dict(discriminator=dict(in_channels=num_classes))),
)
