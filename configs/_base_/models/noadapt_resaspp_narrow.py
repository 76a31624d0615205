# NoAdapt for two cores: an eighth of the paper's width, as srda_resaspp_narrow.py.
_base_ = './noadapt_resaspp.py'
base_channels = 8
model = dict(
    data_preprocessor=dict(channels_last=True),
    segmentor=dict(
        # Kaiming's fan-out initialisation explodes in the narrow cascades and torch's own vanishes. This one keeps the
        # scale, so a short training starts learning at once.
        init_cfg=dict(
            _delete_=True,
            type='Kaiming',
            layer='Conv2d',
            mode='fan_in',
            nonlinearity='linear',
            distribution='normal',
        ),
        backbone=dict(base_channels=base_channels),
        decode_head=dict(in_channels=4 * base_channels),
    ),
)
