# AdaptSegNet with gradient reversal: one backward pass trains segmentor and discriminator: Nairobi -> Kampala.
_base_ = './adaptsegnet_single_deeplabv3plus-mv2_nairobi2kampala.py'
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
