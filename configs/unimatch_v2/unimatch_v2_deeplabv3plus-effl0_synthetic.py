# UniMatch V2 with a few labelled tiles of the target: synthetic imagery.
_base_ = [
    '../_base_/models/deeplabv3plus-effl0.py',
    '../_base_/methods/unimatch_v2.py',
    '../_base_/datasets/synthetic.py',
    '../_base_/schedules/short.py',
    '../_base_/default_runtime.py',
]
model = _base_.method
# The labelled tiles: replace them by yours.
few = dict(_base_.train_dataloader.dataset.target, labelled=True, name_prefix='scene_00')
train_dataloader = dict(dataset=dict(labelled_target=few))
