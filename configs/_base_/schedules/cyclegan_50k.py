# 200 epochs of 250 batches; Adam with CycleGAN's rates, since semantic pairing gives none.
iters = 50_000
adam = dict(type='Adam', lr=2e-4, betas=(0.5, 0.999))
optim_wrapper = dict(
    constructor='NamedOptimWrapperConstructor',
    generator=dict(params=['generators'], optimizer=adam),
    discriminator=dict(params=['discriminators'], optimizer=adam),
)
# Constant for the first half, then linearly to 0.
linear = [dict(type='PolyLR', power=1.0, eta_min=0.0, begin=iters // 2, end=iters, by_epoch=False)]
param_scheduler = dict(generator=linear, discriminator=linear)
train_cfg = dict(type='StagedTrainLoop', stages=[dict(name='translate', iters=iters)])
