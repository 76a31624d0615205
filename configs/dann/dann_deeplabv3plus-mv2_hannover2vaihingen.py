# DANN on patches: Hannover -> Vaihingen.
_base_ = [
    '../_base_/models/deeplabv3plus-mv2-d8.py',
    '../_base_/methods/dann.py',
    '../_base_/datasets/cities.py',
    '../_base_/schedules/dann_20k.py',
    '../_base_/default_runtime.py',
]
model = _base_.method
