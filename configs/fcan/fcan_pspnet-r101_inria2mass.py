# FCAN, feature-level stage: Inria (0.3 m) -> Massachusetts Buildings (1.0 m).
_base_ = [
    '../_base_/models/deeplabv3plus-r101.py',
    '../_base_/methods/fcan.py',
    '../_base_/datasets/inria2mass.py',
    '../_base_/schedules/adversarial_250k.py',
    '../_base_/default_runtime.py',
]
model = dict(
    segmentor=dict(
        decode_head=dict(  # FCAN's pyramid-pooling classifier
            _delete_=True,
            type='PSPHead',
            in_channels=2048,
            in_index=3,
            channels=512,
            pool_scales=(1, 2, 3, 6),
            num_classes=2,
            out_channels=2,
            norm_cfg=dict(type='GN', num_groups=16),  # batches of one image
            align_corners=False,
            loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True),
        )
    ),
    terms=_base_.terms,
)
