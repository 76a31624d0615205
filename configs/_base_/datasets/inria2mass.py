# Inria (0.3 m) -> Massachusetts Buildings (1.0 m); patches as in mass2inria.py.
_base_ = './mass2inria.py'
train_dataloader = dict(dataset=dict(source=dict(type='InriaBuildings'), target=dict(type='MassachusettsBuildings')))
val_dataloader = dict(dataset=dict(type='MassachusettsBuildings', split='test'))
