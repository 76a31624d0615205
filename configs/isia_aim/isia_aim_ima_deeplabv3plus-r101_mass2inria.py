# ISIA and AIM with the image level (IMA): source images translated by CycleGAN; Massachusetts Buildings -> Inria.
# tools/translate.py with configs/cyclegan/cyclegan_resnet_mass2inria.py writes them to
# work_dirs/translated_mass2inria.
_base_ = './isia_aim_deeplabv3plus-r101_mass2inria.py'
train_dataloader = dict(dataset=dict(source=dict(translated_images='work_dirs/translated_mass2inria')))
