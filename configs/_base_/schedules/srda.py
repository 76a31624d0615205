# SRDA-Net: 200 epochs per stage, each of 33 images x 80 patches / batch 6 = 440 iterations (Vaihingen).
adam = dict(type='Adam', betas=(0.9, 0.999), weight_decay=5e-4)
# Each stage has its own optimisers, since the authors' code trains it as a separate run.
optim_wrapper = dict(
    constructor='NamedOptimWrapperConstructor',
    pretrain_segmentor=dict(params=['segmentor'], optimizer=dict(adam, lr=2e-4)),
    pretrain_discriminator=dict(params=['terms.pixel.discriminator'], optimizer=dict(adam, lr=2e-4)),
    segmentor=dict(params=['segmentor'], optimizer=dict(adam, lr=1.5e-4)),
    discriminator=dict(params=['terms.*.discriminator'], optimizer=dict(adam, lr=1.5e-4)),
)
# Constant for the first half of a stage, then linearly to 0.
of_pretraining = [dict(type='PolyLR', power=1.0, during='pretrain', begin=0.5)]
of_joint = [dict(type='PolyLR', power=1.0, during='joint', begin=0.5)]
param_scheduler = dict(
    pretrain_segmentor=of_pretraining,
    pretrain_discriminator=of_pretraining,
    segmentor=of_joint,
    discriminator=of_joint,
)
# Stages and steps skip terms and optimisers that a config sets to None.
pretraining = dict(  # (21), (22): E and R learn to super-resolve in the target's style
    name='pretrain',
    iters=88_000,
    terms=['identity_target', 'identity_source', 'fixed_point', 'pixel'],
    trainable=['!segmentor.decode_head'],
    plan=[
        dict(name='segmentor', losses=['*.segmentor'], optimizers=['pretrain_segmentor']),
        dict(name='discriminator', losses=['*.discriminator'], optimizers=['pretrain_discriminator'], detach=True),
    ],
)
joint = dict(name='joint', iters=88_000)  # (23), (24): everything
train_cfg = dict(type='StagedTrainLoop', val_interval=8_000, stages=[pretraining, joint])
