# ISIA and AIM with the image level (IMA): source images translated by CycleGAN; Massachusetts Roads -> DeepGlobe.
# tools/translate.py with configs/cyclegan/cyclegan_resnet_massroads2deepglobe.py writes them to
# work_dirs/translated_massroads2deepglobe.
_base_ = './isia_aim_deeplabv3plus-r101_massroads2deepglobe.py'
train_dataloader = dict(dataset=dict(source=dict(translated_images='work_dirs/translated_massroads2deepglobe')))
