# Source images with the colour statistics (Reinhard) of random target crops, no other adaptation: Nairobi -> Kampala.
_base_ = '../source_only/source_only_deeplabv3plus-effl0_nairobi2kampala.py'
train_dataloader = dict(dataset=dict(source=dict(pipeline=_base_.recoloured.reinhard)))
