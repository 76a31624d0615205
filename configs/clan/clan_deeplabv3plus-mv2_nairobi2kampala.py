# CLAN: Nairobi -> Kampala.
_base_ = [
    '../_base_/models/deeplabv3plus-mv2.py',
    '../_base_/methods/clan.py',
    '../_base_/datasets/nairobi2kampala.py',
    '../_base_/schedules/short_adversarial.py',
    '../_base_/default_runtime.py',
]
terms = _base_.terms
terms.output.update(
    warmup=20,  # 5 % of the run
    discriminator=dict(
        type='FCDiscriminator',
        in_channels=2,
        base_channels=16,
        init_cfg=dict(type='Kaiming', layer='Conv2d', a=0.2),  # else it starts near 0 and stays for 100 iterations
    ),
    loss_weight=0.05,
)
# Two DeepLabv3+ heads; the prediction is the sum of their logits.
head = _base_.model.segmentor.decode_head
model = dict(segmentor=dict(decode_head=dict(_delete_=True, type='SummedHead', head=head, copies=2)), terms=terms)
