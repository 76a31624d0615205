# HRDA on DAFormer's network: context and detail of 512 px each from crops of 1024 px; the released code's settings.
_base_ = './daformer-mitb5.py'
head = _base_.model.segmentor.decode_head
model = dict(
    segmentor=dict(
        type='HRDA',
        attention_head=dict(head, dilations=None),  # embedded and fused by 1x1 convolutions, as in SegFormer
        factor=2,
        grid=8,  # the head's output stride times the factor
        detail_weight=0.1,
        test_cfg=dict(mode='slide', crop_size=(1024, 1024), stride=(512, 512)),
    ),
)
