# Low2High's generalisation study (Table 3): training without Virginia (20,823 images), no pretraining. Tested on
# the same regions; --cfg-options test_dataloader.dataset.name_prefix=va_ tests on Virginia, =wi_ on Milwaukee.
_base_ = './adversarial_unet-r18_chesapeake.py'
others = dict(name_prefix=('de_', 'md_', 'ny_', 'pa_', 'wv_'))
train_dataloader = dict(dataset=dict(source=others, exemplar=others))
val_dataloader = test_dataloader = dict(dataset=others)
epoch = 1302
train_cfg = dict(val_interval=epoch, iters=dict(train=100 * epoch))
