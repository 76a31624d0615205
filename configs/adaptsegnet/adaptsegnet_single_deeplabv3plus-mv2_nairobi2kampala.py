# AdaptSegNet, single-level: Nairobi -> Kampala.
_base_ = [
    '../_base_/models/deeplabv3plus-mv2.py',
    '../_base_/methods/adaptsegnet_single.py',
    '../_base_/datasets/nairobi2kampala.py',
    '../_base_/schedules/short_adversarial.py',
    '../_base_/default_runtime.py',
]
terms = _base_.terms
terms.output.update(
    discriminator=dict(
        type='FCDiscriminator',
        in_channels=2,
        base_channels=16,
        init_cfg=dict(type='Kaiming', layer='Conv2d', a=0.2),  # else it starts near 0 and stays for 100 iterations
    ),
    loss_weight=0.05,
)
model = dict(terms=terms)
