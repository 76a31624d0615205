# Low2High: region aggregation, label-map alignment, pretrained encoder (mae_r18_chesapeake.py first); Chesapeake.
_base_ = './adversarial_unet-r18_chesapeake.py'
encoder = dict(type='Pretrained', checkpoint='work_dirs/mae_r18_chesapeake/iter_473700.pth', prefix='embedding.')
model = dict(segmentor=dict(backbone=dict(init_cfg=encoder)))
