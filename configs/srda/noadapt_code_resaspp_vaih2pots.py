# NoAdapt as the authors' released code trains it: a higher rate, and crops of 320 px of the source.
_base_ = './noadapt_resaspp_vaih2pots.py'
optim_wrapper = dict(segmentor=dict(optimizer=dict(lr=2e-4)))
train_pipeline = [dict(type='RandomGroundCrop', size=320), *_base_.train_pipeline[1:]]
train_dataloader = dict(dataset=dict(source=dict(pipeline=train_pipeline)))
