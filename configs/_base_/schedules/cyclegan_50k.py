# 200 epochs of 250 batches; Adam with CycleGAN's rates, since semantic pairing gives none.
adam = dict(type='Adam', lr=2e-4, betas=(0.5, 0.999))
optim_wrapper = dict(
    constructor='NamedOptimWrapperConstructor',
    generator=dict(params=['generators'], optimizer=adam),
    discriminator=dict(params=['discriminators'], optimizer=adam),
)
# Constant for the first half, then linearly to 0.
linear = [dict(type='PolyLR', power=1.0, during='run', begin=0.5)]
param_scheduler = dict(generator=linear, discriminator=linear)
train_cfg = dict(type='StagedTrainLoop', stages=[dict(name='translate', iters=50_000)])
