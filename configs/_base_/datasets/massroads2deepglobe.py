# Massachusetts Roads (1.0 m) -> DeepGlobe roads (0.5 m); patches as in mass2inria.py.
_base_ = './mass2inria.py'
train_dataloader = dict(dataset=dict(source=dict(type='MassachusettsRoads'), target=dict(type='DeepGlobeRoads')))
val_dataloader = dict(dataset=dict(type='DeepGlobeRoads', split='val'))
