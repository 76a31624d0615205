# DANN with gradient reversal: one backward pass in place of three updates: synthetic imagery.
_base_ = './dann_deeplabv3plus-mv2_synthetic.py'
model = dict(
    terms=dict(feature=dict(reversal_strength=0.05)),
    plan=[
        dict(
            name='both',
            losses=['supervised.segmentor', 'feature.reversal'],
            optimizers=['segmentor', 'discriminator'],
            forward='fresh',
        )
    ],
)
optim_wrapper = dict(encoder=None)
param_scheduler = dict(_delete_=True, segmentor=_base_.poly, discriminator=_base_.poly)
