# DANN's three steps on two cores in minutes: AdamW in place of Adadelta, which needs more iterations to get going.
_base_ = './dann_20k.py'
adamw = dict(_delete_=True, type='AdamW', lr=1e-3, weight_decay=0.01)
optim_wrapper = dict(
    segmentor=dict(optimizer=adamw, paramwise_cfg=dict(norm_decay_mult=0.0)),
    discriminator=dict(optimizer=adamw),
    encoder=dict(optimizer=adamw),
)
poly = [dict(type='PolyLR', power=0.9, during='run')]
param_scheduler = dict(segmentor=poly, discriminator=poly, encoder=poly)
train_cfg = dict(val_interval=150, stages=[dict(name='adapt', iters=300)])
