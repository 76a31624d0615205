# NoAdapt: trained on the source's own grid, tested on the target's own grid.
_base_ = [
    '../_base_/models/noadapt_resaspp.py',
    '../_base_/datasets/source_only_synthetic.py',
    '../_base_/schedules/noadapt_short.py',
    '../_base_/default_runtime.py',
]
base_channels, num_classes = 8, 6
model = dict(
    data_preprocessor=dict(channels_last=True),
    segmentor=dict(
        backbone=dict(base_channels=base_channels),
        decode_head=dict(in_channels=4 * base_channels, num_classes=num_classes),
    ),
)
