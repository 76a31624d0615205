# ISIA and AIM with the image level (IMA), source images translated by CycleGAN:
# Massachusetts Buildings (1.0 m) -> Inria (0.3 m).
# tools/translate.py writes them with configs/cyclegan/cyclegan_resnet_mass2inria.py.
_base_ = './isia_aim_deeplabv3plus-r101_mass2inria.py'
train_dataloader = dict(dataset=dict(source=dict(translated_images='work_dirs/translated_mass2inria')))
