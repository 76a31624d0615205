# SRDA-Net as the authors' released code trains it: perceptual and total-variation losses on the target besides (3),
# the two cross entropies averaged and weighted by 10, other learning rates.
_base_ = './srda_resaspp_vaih2pots.py'
beta = 10.0
model = dict(
    terms=dict(
        supervised=dict(loss_weight=5.0),
        fed_back=dict(loss_weight=5.0),
        identity_target_perceptual=dict(
            type='TapLoss',
            tap='target:sr_image',
            reference='target:fine_image',
            loss=dict(type='PerceptualLoss', weights='https://download.pytorch.org/models/vgg16-397923af.pth'),
            loss_weight=0.006 * beta,
        ),
        total_variation=dict(
            type='TapLoss', tap='target:sr_image', loss=dict(type='TotalVariationLoss'), loss_weight=2e-8 * beta
        ),
    )
)
optim_wrapper = dict(
    pretrain_discriminator=dict(optimizer=dict(lr=1e-4)),
    segmentor=dict(optimizer=dict(lr=2e-4)),
    discriminator=dict(optimizer=dict(lr=1e-4)),
)
# A list is replaced whole: the first stage with the two further terms.
train_cfg = dict(
    stages=[
        dict(
            name='pretrain',
            iters=88_000,
            terms=[
                'identity_target',
                'identity_target_perceptual',
                'total_variation',
                'identity_source',
                'fixed_point',
                'pixel',
            ],
            trainable=['!segmentor.decode_head'],
            plan=[
                dict(name='segmentor', losses=['*.segmentor'], optimizers=['pretrain_segmentor'], forward='fresh'),
                dict(
                    name='discriminator',
                    losses=['*.discriminator'],
                    optimizers=['pretrain_discriminator'],
                    detach=True,
                ),
            ],
        ),
        dict(name='joint', iters=88_000),
    ]
)
