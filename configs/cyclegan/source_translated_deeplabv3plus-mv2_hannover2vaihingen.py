# Trains on Hannover in the style of Vaihingen, which tools/translate.py writes to
# work_dirs/cyclegan_resnet_hannover2vaihingen/translated; tested on Vaihingen.
_base_ = '../dann/source_only_patches_deeplabv3plus-mv2_hannover.py'
translated = dict(translated_images='work_dirs/cyclegan_resnet_hannover2vaihingen/translated')
train_dataloader = dict(dataset=dict(source=dict(dataset=translated)))
val_dataloader = dict(dataset=_base_.validation['vaihingen'])
