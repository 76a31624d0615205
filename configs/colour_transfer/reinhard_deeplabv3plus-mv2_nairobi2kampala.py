# Source images with the colour statistics of random target crops (Reinhard), and no other adaptation.
_base_ = '../source_only/source_only_deeplabv3plus-mv2_nairobi2kampala.py'
source = _base_.train_dataloader.dataset.source
target = _base_.train_dataloader.dataset.target
# Reads (and crops) target images as training does, and packs nothing.
reference = dict(target, pipeline=target.pipeline[:-1])
source.pipeline.insert(-1, dict(type='ReinhardTransfer', reference=reference))
train_dataloader = dict(dataset=dict(source=source))
