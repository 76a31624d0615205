# Super-resolution (SRDA-Net) + category alignment (ISIA) + self-training: Nairobi -> Kampala.
_base_ = ['../srda/srda_resaspp_nairobi2kampala.py', '../_base_/methods/srda_isia_self_training.py']
model = _base_.further
later = [dict(type='PolyLR', power=1.0, begin=500, end=800, by_epoch=False)]  # over the last two stages
param_scheduler = dict(segmentor=later, discriminator=later)
train_cfg = dict(iters=dict(joint=400, self_training=200), stages=[_base_.pretraining, *_base_.adaptation])
