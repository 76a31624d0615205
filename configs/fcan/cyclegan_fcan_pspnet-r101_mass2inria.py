# CycleGAN-FCAN: FCAN's feature-level stage on source images translated by CycleGAN; Massachusetts Buildings -> Inria.
# tools/translate.py with configs/cyclegan/cyclegan_resnet_mass2inria.py writes them to
# work_dirs/translated_mass2inria.
_base_ = './fcan_pspnet-r101_mass2inria.py'
train_dataloader = dict(dataset=dict(source=dict(translated_images='work_dirs/translated_mass2inria')))
