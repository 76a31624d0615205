# DANN on patches: Potsdam -> Nienburg, as any other two of the cities.
_base_ = './dann_deeplabv3plus-mv2_hannover2vaihingen.py'
source, target = _base_.sources['potsdam'], _base_.targets['nienburg']
train_dataloader = dict(dataset=dict(source=dict(dataset=source), target=dict(dataset=target)))
val_dataloader = dict(dataset=_base_.validation['nienburg'])
