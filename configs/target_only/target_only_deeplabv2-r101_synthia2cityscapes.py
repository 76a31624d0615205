# The upper bound: trained on the target's labels: SYNTHIA -> Cityscapes.
_base_ = '../source_only/source_only_deeplabv2-r101_synthia2cityscapes.py'
train_dataloader = dict(
    dataset=dict(
        source=dict(
            _delete_=True,
            type='Cityscapes',
            split='train',
            metainfo=_base_.metainfo,
            pipeline=_base_.target_pipeline,
        )
    )
)
