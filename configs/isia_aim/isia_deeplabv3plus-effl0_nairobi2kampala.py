# ISIA without instances: Nairobi -> Kampala.
_base_ = './isia_aim_deeplabv3plus-effl0_nairobi2kampala.py'
model = dict(terms=dict(instance=None))
