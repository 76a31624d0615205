# ISIA and AIM with the image level (IMA): source images translated by CycleGAN; DeepGlobe -> Massachusetts Roads.
# tools/translate.py with configs/cyclegan/cyclegan_resnet_deepglobe2massroads.py writes them to
# work_dirs/translated_deepglobe2massroads.
_base_ = './isia_aim_deeplabv3plus-r101_deepglobe2massroads.py'
train_dataloader = dict(dataset=dict(source=dict(translated_images='work_dirs/translated_deepglobe2massroads')))
