# ADVENT, adversarial on the entropy map, single-level: synthetic imagery.
_base_ = '../adaptsegnet/adaptsegnet_single_deeplabv3plus-mv2_synthetic.py'
model = dict(terms=dict(output=dict(activation='entropy')))
