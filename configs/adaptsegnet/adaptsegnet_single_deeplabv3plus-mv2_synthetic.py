# AdaptSegNet, single-level, on the synthetic imagery.
_base_ = [
    '../_base_/models/deeplabv3plus-mv2.py',
    '../_base_/methods/adaptsegnet_single.py',
    '../_base_/datasets/synthetic.py',
    '../_base_/schedules/short_adversarial.py',
    '../_base_/default_runtime.py',
]
num_classes = 6
terms = _base_.terms
terms.output.update(
    discriminator=dict(type='FCDiscriminator', in_channels=num_classes, base_channels=16), loss_weight=0.01
)
model = dict(
    batch_norm='target',
    segmentor=dict(decode_head=dict(num_classes=num_classes, out_channels=num_classes)),
    terms=terms,
)
