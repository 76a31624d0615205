# CycleGAN-FCAN: FCAN's feature-level stage on source images translated by CycleGAN; Inria -> Massachusetts Buildings.
# tools/translate.py with configs/cyclegan/cyclegan_resnet_inria2mass.py writes them to
# work_dirs/translated_inria2mass.
_base_ = './fcan_pspnet-r101_inria2mass.py'
train_dataloader = dict(dataset=dict(source=dict(translated_images='work_dirs/translated_inria2mass')))
