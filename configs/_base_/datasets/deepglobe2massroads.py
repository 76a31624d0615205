# DeepGlobe roads (0.5 m) -> Massachusetts Roads (1.0 m); patches as in mass2inria.py.
_base_ = './mass2inria.py'
train_dataloader = dict(dataset=dict(source=dict(type='DeepGlobeRoads'), target=dict(type='MassachusettsRoads')))
val_dataloader = dict(dataset=dict(type='MassachusettsRoads', split='test'))
