# MIC: DAFormer, and masked image consistency: GTA5 -> Cityscapes.
_base_ = [
    '../_base_/models/daformer-mitb5.py',
    '../_base_/methods/mic.py',
    '../_base_/datasets/gta2cityscapes.py',
    '../_base_/schedules/daformer_40k.py',
    '../_base_/default_runtime.py',
]
_base_.feature.update(encoder=_base_.model.segmentor.backbone)
_base_.method.terms.feature = _base_.feature
model = _base_.method
_base_.crops.dataset.update(rare_classes=dict(temperature=0.01))
train_dataloader = _base_.crops
