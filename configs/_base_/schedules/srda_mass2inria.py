# SRDA-Net, Massachusetts -> Inria: 200 epochs a stage, 137 images x 80 patches / batch 6 = 1827 iterations an epoch.
pretrain_iters, joint_iters = 365_400, 365_400
adam = dict(type='Adam', betas=(0.9, 0.999), weight_decay=5e-4)

# A stage has optimisers of its own, as the authors' code trains it as a run of its own.
optim_wrapper = dict(
    constructor='NamedOptimWrapperConstructor',
    pretrain_segmentor=dict(params=['segmentor'], optimizer=dict(lr=2e-4, **adam)),
    pretrain_discriminator=dict(params=['terms.pixel.discriminator'], optimizer=dict(lr=2e-4, **adam)),
    segmentor=dict(params=['segmentor'], optimizer=dict(lr=1.5e-4, **adam)),
    discriminator=dict(params=['terms.*.discriminator'], optimizer=dict(lr=1.5e-4, **adam)),
)


def half_then_linear(begin, iters):
    """Constant for the first half of a stage, then linearly to 0."""
    return [dict(type='PolyLR', power=1.0, eta_min=0.0, begin=begin + iters // 2, end=begin + iters, by_epoch=False)]


param_scheduler = dict(
    pretrain_segmentor=half_then_linear(0, pretrain_iters),
    pretrain_discriminator=half_then_linear(0, pretrain_iters),
    segmentor=half_then_linear(pretrain_iters, joint_iters),
    discriminator=half_then_linear(pretrain_iters, joint_iters),
)

# Terms and optimisers that a config sets to None are left out of the stages and steps that name them.
train_cfg = dict(
    type='StagedTrainLoop',
    val_interval=20_000,
    stages=[
        dict(  # (21), (22): E and R learn to super-resolve in the target's style
            name='pretrain',
            iters=pretrain_iters,
            terms=['identity_target', 'identity_source', 'fixed_point', 'pixel'],
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
        dict(name='joint', iters=joint_iters),  # (23), (24): everything
    ],
)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
