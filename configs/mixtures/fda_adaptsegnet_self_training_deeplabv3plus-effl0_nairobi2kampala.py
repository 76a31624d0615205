# Colour transfer (FDA) + output-space adversarial + self-training: Nairobi -> Kampala.
_base_ = [
    '../adaptsegnet/adaptsegnet_single_deeplabv3plus-effl0_nairobi2kampala.py',
    '../_base_/methods/output_self_training.py',
]
model, train_cfg = _base_.self_training
train_dataloader = dict(dataset=dict(source=dict(pipeline=_base_.recoloured.fda)))
