# short.py from a trained segmentor: a tenth of the rate.
_base_ = './short.py'
optim_wrapper = dict(segmentor=dict(optimizer=dict(lr=1e-4)))
