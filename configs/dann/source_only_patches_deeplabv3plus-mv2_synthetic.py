# The segmentor of DANN on the source's patches alone: synthetic imagery. pair_domains --strategy approximation uses its
# predictions.
_base_ = './dann_deeplabv3plus-mv2_synthetic.py'
model = dict(batch_norm='source', plan=[_base_.segment], terms=dict(feature=None))
optim_wrapper = dict(discriminator=None, encoder=None)
