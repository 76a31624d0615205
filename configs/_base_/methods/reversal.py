# AdaptSegNet, single-level, by gradient reversal: one backward pass trains segmentor and discriminator.
_base_ = './adaptsegnet_single_narrow.py'
step = dict(name='both', losses=['supervised.segmentor', 'output.reversal'], optimizers=['segmentor', 'discriminator'])
method = dict(plan=[step], terms=dict(output=dict(reversal_strength=0.05, discriminator_weight=1.0)))
