# clan_100k.py as in CLAN's released code: rates that rise over 5k iterations, then base * (1 - i / 100k)^0.9;
# adversarial and weight-discrepancy losses damped by 1 - i / 100k; the backbone at the rate of the released optimisers.
_base_ = './clan_100k.py'
iters, rise = 100_000, 5_000
optim_wrapper = dict(segmentor=dict(released_rate=True))
rates = [
    # i / 5000; a factor that starts at 0 would stay 0.
    dict(type='LinearLR', start_factor=1e-9, end_factor=1.0, begin=0, end=rise + 1, by_epoch=False),
    # The code's poly counts from iteration 0 and takes over at the 5000th, a step down of 4.5 %.
    dict(type='MultiStepLR', milestones=[rise], gamma=(1 - rise / iters) ** 0.9, by_epoch=False),
    dict(type='PolyLR', power=0.9, eta_min=0.0, begin=rise, end=iters + 1, by_epoch=False),
]
param_scheduler = dict(segmentor=rates, discriminator=rates)
damping = dict(start_factor=1.0, end_factor=0.0, begin=0, end=iters)
train_cfg = dict(stages=[dict(name='train', iters=iters, weights={'output.segmentor': damping, 'different': damping})])
