# Source only, on source images translated by tools/translate.py: synthetic imagery.
_base_ = '../source_only/source_only_deeplabv3plus-effl0_synthetic.py'
translated = 'work_dirs/cyclegan_resnet_synthetic/translated'
train_dataloader = dict(dataset=dict(source=dict(translated_images=translated)))
