# Low2High: region aggregation, label-map alignment, pretrained encoder (mae_r18_synthetic.py first); synthetic imagery.
_base_ = './adversarial_unet-r18_synthetic.py'
encoder = dict(type='Pretrained', checkpoint='work_dirs/mae_r18_synthetic/iter_4000.pth', prefix='embedding.')
model = dict(segmentor=dict(backbone=dict(init_cfg=encoder)))
