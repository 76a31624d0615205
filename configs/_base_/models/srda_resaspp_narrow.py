# SRDA-Net for two cores: an eighth of the paper's width, and a small untrained perceptual network, so that nothing
# needs to be downloaded.
_base_ = './srda_resaspp.py'
base_channels = 8
narrow = dict(base_channels=base_channels)
model = dict(
    data_preprocessor=dict(channels_last=True),  # a quarter faster on a CPU
    segmentor=dict(
        # Kaiming's fan-out initialisation explodes through the narrow cascades, torch's own vanishes: this keeps the
        # scale, and a short training gets going at once.
        init_cfg=dict(
            _delete_=True,
            type='Kaiming',
            layer='Conv2d',
            mode='fan_in',
            nonlinearity='linear',
            distribution='normal',
        ),
        backbone=narrow,
        sr_head=narrow,
        decode_head=narrow,
    ),
    terms=dict(
        identity_source=dict(
            loss=dict(
                network=dict(type='VGGFeatures', width=8, out_layer=9),
                weights=None,
                allow_untrained=True,
            )
        ),
        # The paper's 1.0 harms narrow networks (table in configs/srda/README.md): they recolour roofs as grass.
        pixel=dict(loss_weight=0.1, discriminator=narrow),
        # Without it the narrow ODC's logits start near zero and stay there for hundreds of iterations.
        output=dict(discriminator=dict(init_cfg=dict(type='Kaiming', layer='Conv2d', a=0.2), **narrow)),
    ),
)
