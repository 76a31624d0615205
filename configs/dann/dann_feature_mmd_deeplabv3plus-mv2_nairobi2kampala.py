# DANN on semantic pairs, least discrepancy of features: Nairobi -> Kampala. Pairs: configs/dann/README.md.
_base_ = './dann_deeplabv3plus-mv2_nairobi2kampala.py'
train_dataloader = dict(dataset=dict(pairing='work_dirs/pairs_nairobi2kampala/feature_mmd.json'))
