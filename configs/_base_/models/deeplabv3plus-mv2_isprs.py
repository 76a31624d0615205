# deeplabv3plus-mv2.py for the six ISPRS classes.
_base_ = './deeplabv3plus-mv2.py'
num_classes = 6
model = dict(segmentor=dict(decode_head=dict(num_classes=num_classes, out_channels=num_classes)))
