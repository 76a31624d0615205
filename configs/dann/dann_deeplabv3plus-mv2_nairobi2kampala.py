# DANN on fixed patches, Nairobi -> Kampala.
# --cfg-options train_dataloader.dataset.pairing=PAIRS.json pairs them.
_base_ = [
    '../_base_/models/deeplabv3plus-mv2.py',
    '../_base_/methods/dann.py',
    '../_base_/datasets/nairobi2kampala_patches.py',
    '../_base_/schedules/dann_short.py',
    '../_base_/default_runtime.py',
]
terms = _base_.terms
terms.feature.update(
    discriminator=dict(type='InvertedBottleneckDiscriminator', in_channels=64, expand_ratio=2),
    loss_weight=0.05,  # at 1.0 the encoder forgets the segmentation in so few iterations
)
head = _base_.model.segmentor.decode_head
head.type = 'FusedASPPHead'
model = dict(segmentor=dict(decode_head=head), terms=terms, plan=_base_.plan)
