# The upper bound: trained on the target's labels: Massachusetts Roads (1.0 m) -> DeepGlobe roads (0.5 m).
_base_ = '../source_only/source_only_deeplabv3plus-r101_massroads2deepglobe.py'
train_dataloader = dict(
    dataset=dict(source=dict(_delete_=True, type='DeepGlobeRoads', split='train', pipeline=_base_.train_pipeline))
)
