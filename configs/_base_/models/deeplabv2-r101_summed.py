# deeplabv2-r101.py with two classifiers whose logits are summed, for CLAN.
_base_ = './deeplabv2-r101.py'
model = dict(segmentor=dict(decode_head=dict(classifiers=2)))
