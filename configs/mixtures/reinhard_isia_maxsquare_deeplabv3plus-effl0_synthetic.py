# Colour transfer (Reinhard) + category alignment (ISIA) + maximum squares: synthetic imagery.
_base_ = ['../isia_aim/isia_deeplabv3plus-effl0_synthetic.py', '../_base_/methods/max_square.py']
model = dict(terms=dict(max_square=_base_.max_square))
train_dataloader = dict(dataset=dict(source=dict(pipeline=_base_.recoloured.reinhard)))
