# ISIA and AIM with the image level (IMA): source images translated by CycleGAN; Inria -> Massachusetts Buildings.
# tools/translate.py with configs/cyclegan/cyclegan_resnet_inria2mass.py writes them to
# work_dirs/translated_inria2mass.
_base_ = './isia_aim_deeplabv3plus-r101_inria2mass.py'
train_dataloader = dict(dataset=dict(source=dict(translated_images='work_dirs/translated_inria2mass')))
