# HRDA: DAFormer on context and detail: GTA5 -> Cityscapes.
_base_ = [
    '../_base_/models/hrda_daformer-mitb5.py',
    '../_base_/methods/daformer.py',
    '../_base_/datasets/gta2cityscapes.py',
    '../_base_/schedules/daformer_40k.py',
    '../_base_/default_runtime.py',
]
_base_.feature.update(encoder=_base_.model.segmentor.backbone, image='source:context.image')
_base_.method.terms.feature = _base_.feature
model = _base_.method
_base_.large_crops[0].dataset.update(rare_classes=dict(temperature=0.01))
train_dataloader, val_dataloader = _base_.large_crops
