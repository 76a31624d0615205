# CLAN as released, with 16 classes as everywhere here; the code's head has 19: SYNTHIA -> Cityscapes.
_base_ = [
    '../_base_/models/deeplabv2-r101_summed.py',
    '../_base_/methods/clan_code.py',
    '../_base_/datasets/synthia2cityscapes.py',
    '../_base_/schedules/clan_code_100k.py',
    '../_base_/default_runtime.py',
]
resize_to = dict(source=(760, 1280), target=(512, 1024))
_base_.method.terms.output.update(local_weight=10.0, resize_to=resize_to)
model = _base_.method
train_dataloader = _base_.random_scale
