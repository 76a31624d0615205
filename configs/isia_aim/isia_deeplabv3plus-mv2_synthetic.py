# ISIA without instances: synthetic imagery.
_base_ = './isia_aim_deeplabv3plus-mv2_synthetic.py'
model = dict(terms=dict(instance=None))
