# FCAN, feature-level stage: Nairobi -> Kampala.
_base_ = [
    '../_base_/models/deeplabv3plus-mv2.py',
    '../_base_/methods/fcan.py',
    '../_base_/datasets/nairobi2kampala.py',
    '../_base_/schedules/short_adversarial.py',
    '../_base_/default_runtime.py',
]
terms = _base_.terms
terms.supervised.update(loss_weight=1.0)  # the paper's 5 : 1, over 5
terms.feature.update(
    discriminator=dict(type='ASPPDiscriminator', in_channels=320, channels=32, dilations=(2, 3, 4)),
    loss_weight=0.2,
)
model = dict(terms=terms)
