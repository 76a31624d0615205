# Two heads of deeplabv3plus-effl0.py whose logits are summed, for CLAN.
_base_ = './deeplabv3plus-effl0.py'
head = _base_.model.segmentor.decode_head
model = dict(segmentor=dict(decode_head=dict(_delete_=True, type='SummedHead', head=head, copies=2)))
