# AIM without categories: synthetic imagery.
_base_ = './isia_aim_deeplabv3plus-mv2_synthetic.py'
model = dict(terms=dict(category=None))
