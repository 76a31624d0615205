# The upper bound: trained on the target's labels: Inria (0.3 m) -> Massachusetts Buildings (1.0 m).
_base_ = '../source_only/source_only_deeplabv3plus-r101_inria2mass.py'
train_dataloader = dict(
    dataset=dict(
        source=dict(_delete_=True, type='MassachusettsBuildings', split='train', pipeline=_base_.train_pipeline)
    )
)
