# Low2High: region aggregation, and predicted label maps against exemplars (sections 4.3 and 4.4). The paper does not
# give the weight of the adversarial loss.
_base_ = './region_aggregation.py'
method = dict(
    terms=dict(
        maps=dict(
            type='LabelMapAlignment',
            discriminator=dict(type='ResidualDiscriminator', input_size=256),
            loss=dict(type='GANLoss', gan_type='hinge'),
            temperature=1e3,
            blur=0.6,
            crop_size=256,
            loss_weight=0.1,
        )
    )
)
