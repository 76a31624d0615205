# Self-training from a checkpoint (load_from) and without the source: Nairobi -> Kampala.
_base_ = [
    '../_base_/models/deeplabv3plus-effl0.py',
    '../_base_/methods/source_free.py',
    '../_base_/datasets/nairobi2kampala.py',
    '../_base_/schedules/source_free_short.py',
    '../_base_/default_runtime.py',
]
model = _base_.method
train_dataloader = dict(dataset=dict(source=None))
