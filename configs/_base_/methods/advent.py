# ADVENT (https://arxiv.org/abs/1811.12833), adversarial: AdaptSegNet's discriminators on self-information maps.
_base_ = './adaptsegnet.py'
method = dict(terms=dict(output=dict(activation='entropy'), output_aux=dict(activation='entropy')))
