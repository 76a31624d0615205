# AdaptSegNet, multi-level: synthetic imagery.
_base_ = [
    '../_base_/models/deeplabv3plus-mv2_isprs.py',
    '../_base_/methods/adaptsegnet.py',
    '../_base_/datasets/synthetic.py',
    '../_base_/schedules/short_adversarial.py',
    '../_base_/default_runtime.py',
]
terms = _base_.terms
discriminator = dict(
    type='FCDiscriminator',
    in_channels=6,
    base_channels=16,
    init_cfg=dict(type='Kaiming', layer='Conv2d', a=0.2),  # else it starts near 0 and stays for 100 iterations
)
terms.output.update(discriminator=discriminator, loss_weight=0.05)
terms.output_aux.update(discriminator=discriminator, loss_weight=0.01)
model = dict(
    segmentor=dict(
        auxiliary_head=dict(
            type='FCNHead',
            in_channels=96,
            in_index=2,
            channels=32,
            num_convs=1,
            concat_input=False,
            num_classes=6,
            out_channels=6,
            norm_cfg=dict(type='BN', requires_grad=True),
            align_corners=False,
            loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True, loss_weight=0.1),
        )
    ),
    terms=terms,
)
