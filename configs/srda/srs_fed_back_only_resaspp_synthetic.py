# Table III, + strategy 2: the fed-back cross entropy without pyramid fusion; S is one convolution on E's feature.
_base_ = './srs_resaspp_synthetic.py'
loss = dict(type='CrossEntropyLoss', avg_non_ignore=True)
head = dict(_delete_=True, type='ConvHead', in_channels=32, kernel_size=9, loss_decode=loss)
model = dict(segmentor=dict(decode_head=head))
