# DANN on fixed patches: Nairobi -> Kampala.
# --cfg-options train_dataloader.dataset.pairing=PAIRS.json pairs them.
_base_ = [
    '../_base_/models/deeplabv3plus-mv2.py',
    '../_base_/methods/dann_narrow.py',
    '../_base_/datasets/nairobi2kampala.py',
    '../_base_/schedules/dann_short.py',
    '../_base_/default_runtime.py',
]
model = _base_.method
train_dataloader, val_dataloader = _base_.patches
