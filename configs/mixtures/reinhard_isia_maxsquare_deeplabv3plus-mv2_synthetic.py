# Colour transfer (Reinhard) + category alignment (ISIA) + maximum squares: synthetic imagery.
_base_ = '../isia_aim/isia_deeplabv3plus-mv2_synthetic.py'
max_square = dict(
    type='TapLoss',
    tap='target:logits',
    resize_to='image',
    activation='softmax',
    loss=dict(type='MaxSquareLoss'),
    loss_weight=0.1,
)
model = dict(terms=dict(max_square=max_square))
source = _base_.train_dataloader.dataset.source
target = _base_.train_dataloader.dataset.target
reference = dict(target, pipeline=target.pipeline[:-1])
source.pipeline.insert(-1, dict(type='ReinhardTransfer', reference=reference))
train_dataloader = dict(dataset=dict(source=source))
