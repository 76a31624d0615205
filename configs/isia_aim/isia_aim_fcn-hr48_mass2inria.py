# ISIA and AIM, initial training, on HRNet-w48: Massachusetts Buildings (1.0 m) -> Inria (0.3 m).
_base_ = [
    '../_base_/models/fcn-hr48.py',
    '../_base_/methods/isia_aim.py',
    '../_base_/datasets/mass2inria.py',
    '../_base_/schedules/isia_aim_40k.py',
    '../_base_/default_runtime.py',
]
num_classes = 2
terms = _base_.terms
terms.output.discriminator.in_channels = num_classes
terms.instance.update(classes=(1,), channels=384)  # of the coarsest branch
model = dict(segmentor=dict(decode_head=dict(num_classes=num_classes, out_channels=num_classes)), terms=terms)
