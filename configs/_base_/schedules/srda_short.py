# SRDA-Net on two cores in minutes: fewer iterations at higher rates than the paper, the same two stages. Discriminators
# train at half the segmentor's rate, as in the authors' code.
_base_ = './srda.py'
fast, half = dict(optimizer=dict(lr=1e-3)), dict(optimizer=dict(lr=5e-4))
optim_wrapper = dict(pretrain_segmentor=fast, pretrain_discriminator=half, segmentor=fast, discriminator=half)
train_cfg = dict(val_interval=10_000, iters=dict(pretrain=200, joint=600))
