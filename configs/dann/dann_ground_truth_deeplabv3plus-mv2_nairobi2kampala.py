# DANN on semantic pairs, the best of 20 times as many target patches by their true labels, an upper bound:
# Nairobi -> Kampala. Pairs: configs/dann/README.md.
_base_ = './dann_deeplabv3plus-mv2_nairobi2kampala.py'
train_dataloader = dict(
    dataset=dict(pairing='work_dirs/pairs_nairobi2kampala/ground_truth.json', target=dict(patches_per_raster=8000))
)
