# CycleGAN-FCAN: FCAN's feature-level stage on source images translated by CycleGAN; GTA5 -> Cityscapes.
# tools/translate.py writes them with configs/cyclegan/cyclegan_resnet_gta2cityscapes.py.
_base_ = './fcan_pspnet-r101_gta2cityscapes.py'
train_dataloader = dict(dataset=dict(source=dict(translated_images='work_dirs/translated_gta2cityscapes')))
