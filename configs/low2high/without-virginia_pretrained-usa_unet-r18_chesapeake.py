# Low2High's generalisation study (Table 3): its encoder pretrained on auxiliary imagery of the USA
# (mae_r18_usa.py first).
_base_ = './without-virginia_unet-r18_chesapeake.py'
encoder = dict(type='Pretrained', checkpoint='work_dirs/mae_r18_usa/iter_75200.pth', prefix='embedding.')
model = dict(segmentor=dict(backbone=dict(init_cfg=encoder)))
