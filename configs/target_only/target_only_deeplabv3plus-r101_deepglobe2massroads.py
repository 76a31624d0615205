# The upper bound: trained on the target's labels: DeepGlobe roads (0.5 m) -> Massachusetts Roads (1.0 m).
_base_ = '../source_only/source_only_deeplabv3plus-r101_deepglobe2massroads.py'
train_dataloader = dict(
    dataset=dict(source=dict(_delete_=True, type='MassachusettsRoads', split='train', pipeline=_base_.train_pipeline))
)
