# DANN by gradient reversal, one backward pass in place of three updates: synthetic imagery.
_base_ = './dann_deeplabv3plus-mv2_synthetic.py'
step = dict(name='both', losses=['supervised.segmentor', 'feature.reversal'], optimizers=['segmentor', 'discriminator'])
model = dict(plan=[step], terms=dict(feature=dict(reversal_strength=0.05)))
optim_wrapper = dict(encoder=None)
