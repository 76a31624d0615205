# LoveDA, rural -> urban; crops and splits as in loveda_urban2rural.py.
_base_ = './loveda_urban2rural.py'
train_dataloader = dict(dataset=dict(source=dict(area='rural'), target=dict(area='urban')))
val_dataloader = dict(dataset=dict(area='urban'))
