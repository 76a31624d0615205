# Vaihingen (9 cm) -> Potsdam (5 cm): 16 and 24 images for training, 14 of Potsdam for validation; crops and bands as in
# potsdam2vaihingen.py.
_base_ = './potsdam2vaihingen.py'
train_dataloader = dict(
    dataset=dict(source=dict(type='Vaihingen', split='train'), target=dict(type='Potsdam', split='all'))
)
val_dataloader = dict(dataset=dict(type='Potsdam', split='test'))
