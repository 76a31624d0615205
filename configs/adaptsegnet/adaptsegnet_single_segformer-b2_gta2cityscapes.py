# AdaptSegNet, single-level, on SegFormer, with AdamW at its rates: GTA5 -> Cityscapes.
_base_ = [
    '../_base_/models/segformer-b2.py',
    '../_base_/methods/adaptsegnet_single.py',
    '../_base_/datasets/gta2cityscapes.py',
    '../_base_/schedules/adversarial_250k.py',
    '../_base_/default_runtime.py',
]
model = _base_.method
optim_wrapper = dict(
    segmentor=dict(
        optimizer=dict(_delete_=True, type='AdamW', lr=6e-5, betas=(0.9, 0.999), weight_decay=0.01),
        paramwise_cfg=dict(custom_keys={'norm': dict(decay_mult=0.0), 'head': dict(lr_mult=10.0)}),
    )
)
