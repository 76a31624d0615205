# srda.py at the rates of the authors' released code; pretraining adds the two terms of methods/srda_code.py.
_base_ = './srda.py'
optim_wrapper = dict(
    pretrain_discriminator=dict(optimizer=dict(lr=1e-4)),
    segmentor=dict(optimizer=dict(lr=2e-4)),
    discriminator=dict(optimizer=dict(lr=1e-4)),
)
first, *others = _base_.pretraining.terms
terms = [first, 'identity_target_perceptual', 'total_variation', *others]
train_cfg = dict(stages=[dict(_base_.pretraining, terms=terms), _base_.joint])
