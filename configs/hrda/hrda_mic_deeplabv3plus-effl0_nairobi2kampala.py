# MIC on HRDA, without rare classes: Nairobi -> Kampala.
_base_ = ['./hrda_deeplabv3plus-effl0_nairobi2kampala.py', '../_base_/methods/masked.py']
model = dict(views=_base_.masked.views, terms=_base_.masked.terms)
