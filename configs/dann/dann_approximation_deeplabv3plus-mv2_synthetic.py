# DANN on semantic pairs, the target patch whose prediction fits the source labels best:
# synthetic imagery. Pairs: configs/dann/README.md.
_base_ = './dann_deeplabv3plus-mv2_synthetic.py'
train_dataloader = dict(dataset=dict(pairing='work_dirs/pairs_synthetic/approximation.json'))
