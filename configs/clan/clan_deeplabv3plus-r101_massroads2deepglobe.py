# CLAN: Massachusetts Roads (1.0 m) -> DeepGlobe roads (0.5 m).
_base_ = [
    '../_base_/models/deeplabv3plus-r101.py',
    '../_base_/methods/clan.py',
    '../_base_/datasets/massroads2deepglobe.py',
    '../_base_/schedules/clan_100k.py',
    '../_base_/default_runtime.py',
]
terms = _base_.terms
terms.output.discriminator.in_channels = 2
# Two DeepLabv3+ heads; the prediction is the sum of their logits.
head = _base_.model.segmentor.decode_head
model = dict(segmentor=dict(decode_head=dict(_delete_=True, type='SummedHead', head=head, copies=2)), terms=terms)
