# NoAdapt as the authors' released code trains it: a higher rate, and crops of 320 px of the source.
_base_ = './noadapt_resaspp_vaih2pots.py'
crop = dict(type='RandomGroundCrop', size=320)
train_dataloader = dict(dataset=dict(source=dict(pipeline=[crop, _base_.load, _base_.flip, _base_.pack])))
optim_wrapper = dict(segmentor=dict(optimizer=dict(lr=2e-4)))
