# DANN on semantic pairs, ground truth's targets, reassigned: synthetic imagery. Pairs: configs/dann/README.md.
_base_ = './dann_deeplabv3plus-mv2_synthetic.py'
train_dataloader = dict(
    dataset=dict(pairing='work_dirs/pairs_synthetic/shuffled_ground_truth.json', target=dict(patches_per_raster=2000))
)
