# DANN on semantic pairs, the best of 20 times as many target patches by their true labels, an upper bound:
# synthetic imagery. Pairs: configs/dann/README.md.
_base_ = './dann_deeplabv3plus-mv2_synthetic.py'
train_dataloader = dict(
    dataset=dict(pairing='work_dirs/pairs_synthetic/ground_truth.json', target=dict(patches_per_raster=2000))
)
