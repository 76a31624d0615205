# Colour transfer (Reinhard) + category alignment (ISIA) + maximum squares: Nairobi -> Kampala.
_base_ = ['../isia_aim/isia_deeplabv3plus-effl0_nairobi2kampala.py', '../_base_/methods/max_square.py']
model = dict(terms=dict(max_square=_base_.max_square))
train_dataloader = dict(dataset=dict(source=dict(pipeline=_base_.recoloured.reinhard)))
