# MinEnt: Nairobi -> Kampala.
_base_ = [
    '../_base_/models/deeplabv3plus-mv2.py',
    '../_base_/methods/minent.py',
    '../_base_/datasets/nairobi2kampala.py',
    '../_base_/schedules/short.py',
    '../_base_/default_runtime.py',
]
terms = _base_.terms
terms.update(entropy_aux=None)  # no auxiliary classifier
terms.entropy.update(loss_weight=0.01)
model = dict(terms=terms)
