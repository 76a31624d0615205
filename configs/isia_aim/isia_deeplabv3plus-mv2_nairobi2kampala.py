# ISIA without instances: Nairobi -> Kampala.
_base_ = './isia_aim_deeplabv3plus-mv2_nairobi2kampala.py'
model = dict(terms=dict(instance=None))
