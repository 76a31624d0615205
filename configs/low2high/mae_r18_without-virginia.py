# Pretraining for the generalisation study: 100 epochs on the training imagery without Virginia.
_base_ = './mae_r18_chesapeake.py'
train_dataloader = dict(dataset=dict(source=dict(name_prefix=('de_', 'md_', 'ny_', 'pa_', 'wv_'))))
epoch = 1302
train_cfg = dict(iters=dict(pretrain=100 * epoch))
