# AdaptSegNet with gradient reversal: one backward pass trains segmentor and discriminator: synthetic imagery.
_base_ = './adaptsegnet_single_deeplabv3plus-mv2_synthetic.py'
model = dict(
    terms=dict(output=dict(reversal_strength=0.05, discriminator_weight=1.0)),
    plan=[
        dict(
            name='both',
            losses=['supervised.segmentor', 'output.reversal'],
            optimizers=['segmentor', 'discriminator'],
            forward='fresh',
        )
    ],
)
