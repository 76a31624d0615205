# ISIA and AIM, initial training: synthetic imagery.
_base_ = [
    '../_base_/models/deeplabv3plus-mv2_isprs.py',
    '../_base_/methods/isia_aim.py',
    '../_base_/datasets/synthetic.py',
    '../_base_/schedules/short_adversarial.py',
    '../_base_/default_runtime.py',
]
terms = _base_.terms
terms.output.update(
    discriminator=dict(
        type='FCDiscriminator',
        in_channels=6,
        base_channels=16,
        init_cfg=dict(type='Kaiming', layer='Conv2d', a=0.2),  # else it starts near 0 and stays for 100 iterations
    ),
    discriminator_weight=0.5,
    loss_weight=0.05,
)
terms.category.update(loss_weight=0.01)
terms.instance.update(classes=[1, 3, 4], channels=320, warmup=100, loss_weight=0.001)
model = dict(terms=terms)
