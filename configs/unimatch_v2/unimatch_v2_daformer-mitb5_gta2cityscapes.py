# UniMatch V2 with a few labelled tiles of the target: GTA5 -> Cityscapes.
_base_ = [
    '../_base_/models/daformer-mitb5.py',
    '../_base_/methods/unimatch_v2.py',
    '../_base_/datasets/gta2cityscapes.py',
    '../_base_/schedules/daformer_40k.py',
    '../_base_/default_runtime.py',
]
model = _base_.method
# The labelled tiles: replace them by yours.
few = dict(_base_.train_dataloader.dataset.target, **_base_.crops.dataset.target)
few.update(labelled=True, indices=[*range(0, 2975, 30)])
_base_.crops.dataset.update(labelled_target=few)
train_dataloader = _base_.crops
