# Source only: Massachusetts Roads (1.0 m) -> DeepGlobe roads (0.5 m).
_base_ = [
    '../_base_/models/deeplabv3plus-r101.py',
    '../_base_/datasets/massroads2deepglobe.py',
    '../_base_/schedules/sgd_250k.py',
    '../_base_/default_runtime.py',
]
model = dict(batch_norm='source')
