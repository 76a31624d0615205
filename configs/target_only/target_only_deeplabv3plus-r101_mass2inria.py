# The upper bound: trained on the target's labels: Massachusetts Buildings (1.0 m) -> Inria (0.3 m).
_base_ = '../source_only/source_only_deeplabv3plus-r101_mass2inria.py'
train_dataloader = dict(dataset=dict(source=dict(type='InriaBuildings')))
