# Self-training from a checkpoint (load_from) and without the source: GTA5 -> Cityscapes.
_base_ = [
    '../_base_/models/daformer-mitb5.py',
    '../_base_/methods/source_free.py',
    '../_base_/datasets/gta2cityscapes.py',
    '../_base_/schedules/daformer_40k.py',
    '../_base_/default_runtime.py',
]
model = _base_.method
_base_.crops.dataset.update(source=None)
train_dataloader = _base_.crops
