# The U-Net at a quarter of its widths, for two cores.
_base_ = './unet-r18.py'
model = dict(
    segmentor=dict(
        backbone=dict(base_channels=16, stem_channels=16),
        decode_head=dict(in_channels=(16, 16, 32, 64, 128), widths=(64, 32, 16, 16)),
    )
)
