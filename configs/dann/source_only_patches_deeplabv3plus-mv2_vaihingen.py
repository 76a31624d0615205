# Supervised training on all 8000 patches of Vaihingen, batches of 32: the paper's baseline, and what
# pair_domains --strategy approximation predicts with where Vaihingen is the source.
_base_ = './dann_deeplabv3plus-mv2_hannover2vaihingen.py'
city = 'vaihingen'
model = dict(
    batch_norm='source',
    terms=dict(feature=None),
    plan=[dict(name='segment', losses=['supervised.segmentor'], optimizers=['segmentor'], forward='fresh')],
)
optim_wrapper = dict(discriminator=None, encoder=None)
param_scheduler = dict(_delete_=True, segmentor=[])
train_dataloader = dict(
    batch_size=32,
    dataset=dict(
        pairing='random',
        source=dict(dataset=dict(_delete_=True, **_base_.cities[city]), patches_per_raster=800),
        target=None,
    ),
)
val_dataloader = dict(
    dataset=dict(_base_.validation[city], _delete_=True, last_tile='shift', pipeline=_base_.test_pipeline)
)
test_dataloader = val_dataloader
