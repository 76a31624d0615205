# Super-resolution (SRDA-Net) + DACS, which pastes classes of the super-resolved source: Nairobi -> Kampala.
_base_ = ['../srda/srda_resaspp_nairobi2kampala.py', '../_base_/methods/mixing.py']
_base_.mixing.views.mixed.source = 'fed_back'
_base_.mixing.terms.mixed.loss_weight = _base_.alpha
model = _base_.mixing
