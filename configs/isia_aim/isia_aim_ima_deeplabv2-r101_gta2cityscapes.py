# ISIA and AIM with the image level (IMA): source images translated by CycleGAN; GTA5 -> Cityscapes.
# tools/translate.py with configs/cyclegan/cyclegan_resnet_gta2cityscapes.py writes them to
# work_dirs/translated_gta2cityscapes.
_base_ = './isia_aim_deeplabv2-r101_gta2cityscapes.py'
train_dataloader = dict(dataset=dict(source=dict(translated_images='work_dirs/translated_gta2cityscapes')))
