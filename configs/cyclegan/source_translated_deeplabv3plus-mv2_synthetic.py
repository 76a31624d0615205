# Source only, on source images that tools/translate.py has written to work_dirs/cyclegan_resnet_synthetic/translated.
_base_ = '../source_only/source_only_deeplabv3plus-mv2_synthetic.py'
train_dataloader = dict(dataset=dict(source=dict(translated_images='work_dirs/cyclegan_resnet_synthetic/translated')))
