# Source only, on source images translated by tools/translate.py: Nairobi -> Kampala.
_base_ = '../source_only/source_only_deeplabv3plus-effl0_nairobi2kampala.py'
translated = 'work_dirs/cyclegan_resnet_nairobi2kampala/translated'
train_dataloader = dict(dataset=dict(source=dict(translated_images=translated)))
