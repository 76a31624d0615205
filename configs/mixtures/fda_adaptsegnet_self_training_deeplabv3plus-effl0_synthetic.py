# Colour transfer (FDA) + output-space adversarial + self-training: synthetic imagery.
_base_ = [
    '../adaptsegnet/adaptsegnet_single_deeplabv3plus-effl0_synthetic.py',
    '../_base_/methods/output_self_training.py',
]
model, train_cfg = _base_.self_training
train_dataloader = dict(dataset=dict(source=dict(pipeline=_base_.recoloured.fda)))
