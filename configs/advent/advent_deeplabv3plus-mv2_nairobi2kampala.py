# ADVENT, adversarial on the entropy map, single-level: Nairobi -> Kampala.
_base_ = '../adaptsegnet/adaptsegnet_single_deeplabv3plus-mv2_nairobi2kampala.py'
model = dict(terms=dict(output=dict(activation='entropy')))
