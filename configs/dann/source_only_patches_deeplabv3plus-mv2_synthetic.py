# The segmentor of DANN on the source's patches alone: what pair_domains --strategy approximation predicts with.
_base_ = './dann_deeplabv3plus-mv2_synthetic.py'
model = dict(
    batch_norm='source',
    terms=dict(feature=None),
    plan=[dict(name='segment', losses=['supervised.segmentor'], optimizers=['segmentor'], forward='fresh')],
)
optim_wrapper = dict(discriminator=None, encoder=None)
param_scheduler = dict(_delete_=True, segmentor=_base_.poly)
