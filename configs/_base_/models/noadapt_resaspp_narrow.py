# NoAdapt for two cores: an eighth of the paper's width, as srda_resaspp_narrow.py.
_base_ = './noadapt_resaspp.py'
base_channels = 8
model = dict(
    data_preprocessor=dict(channels_last=True),
    segmentor=dict(
        init_cfg=None,  # torch's own: Kaiming's larger weights cost a short training its first hundred iterations
        backbone=dict(base_channels=base_channels),
        decode_head=dict(in_channels=4 * base_channels),
    ),
)
