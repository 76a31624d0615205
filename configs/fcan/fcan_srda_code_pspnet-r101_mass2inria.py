# FCAN, feature-level stage, as the baseline in SRDA-Net's code: Massachusetts Buildings -> Inria. The discriminator has
# norm layers, the source is moved towards the target, and Adam uses one rate for backbone and head. The schedule is the
# one of this folder.
_base_ = './fcan_pspnet-r101_mass2inria.py'
model = dict(terms=dict(feature=dict(moves='source', discriminator=dict(norm_cfg=dict(type='BN')))))
adam = dict(_delete_=True, type='Adam', lr=2e-4, weight_decay=5e-4)
optim_wrapper = dict(
    segmentor=dict(optimizer=adam, paramwise_cfg=None),
    discriminator=dict(optimizer=dict(adam, lr=1e-4)),
)
