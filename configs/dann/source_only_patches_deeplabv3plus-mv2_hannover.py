# Supervised training on all 8000 patches of Hannover, batches of 32: the paper's baseline. pair_domains --strategy
# approximation uses its predictions if Hannover is the source.
_base_ = './dann_deeplabv3plus-mv2_hannover2vaihingen.py'
model = dict(batch_norm='source', plan=[_base_.segment], terms=dict(feature=None))
optim_wrapper = dict(discriminator=None, encoder=None)
all_patches = dict(patches_per_raster=800)
train_dataloader = dict(batch_size=32, dataset=dict(pairing='random', source=all_patches, target=None))
val_dataloader = dict(dataset=_base_.validation['hannover'])
