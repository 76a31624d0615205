# Pretraining for the generalisation study: 100 epochs on 12,024 images of the USA: a folder of rasters without labels.
_base_ = './mae_r18_chesapeake.py'
auxiliary = dict(data_root='data/low2high/auxiliary', data_prefix=dict(img_path='train'), name_prefix='')
train_dataloader = dict(dataset=dict(source=auxiliary))
epoch = 752
train_cfg = dict(iters=dict(pretrain=100 * epoch))
