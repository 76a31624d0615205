# High: trained on fine labels and chosen by them, the upper bound; Chesapeake.
_base_ = './low_unet-r18_chesapeake.py'
train_dataloader = dict(dataset=dict(source=dict(fine=True, pipeline=_base_.load_fine)))
default_hooks = dict(checkpoint=dict(save_best='mIoU', rule='greater'))
