# CycleGAN-FCAN: FCAN's feature-level stage on source images translated by CycleGAN; DeepGlobe -> Massachusetts Roads.
# tools/translate.py with configs/cyclegan/cyclegan_resnet_deepglobe2massroads.py writes them to
# work_dirs/translated_deepglobe2massroads.
_base_ = './fcan_pspnet-r101_deepglobe2massroads.py'
train_dataloader = dict(dataset=dict(source=dict(translated_images='work_dirs/translated_deepglobe2massroads')))
