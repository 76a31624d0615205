# AIM without categories: synthetic imagery.
_base_ = './isia_aim_deeplabv3plus-effl0_synthetic.py'
model = dict(terms=dict(category=None))
