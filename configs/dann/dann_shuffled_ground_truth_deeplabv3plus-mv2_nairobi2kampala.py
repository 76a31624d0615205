# DANN on semantic pairs, ground truth's targets, reassigned: Nairobi -> Kampala. Pairs: configs/dann/README.md.
_base_ = './dann_deeplabv3plus-mv2_nairobi2kampala.py'
train_dataloader = dict(
    dataset=dict(
        pairing='work_dirs/pairs_nairobi2kampala/shuffled_ground_truth.json', target=dict(patches_per_raster=8000)
    )
)
