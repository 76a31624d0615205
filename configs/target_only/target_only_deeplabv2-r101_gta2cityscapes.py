# The upper bound: trained on the target's labels: GTA5 -> Cityscapes.
_base_ = '../source_only/source_only_deeplabv2-r101_gta2cityscapes.py'
source = dict(_delete_=True, type='Cityscapes', split='train', pipeline=_base_.target_pipeline)
train_dataloader = dict(dataset=dict(source=source))
