# MinEnt: synthetic imagery.
_base_ = [
    '../_base_/models/deeplabv3plus-mv2_isprs.py',
    '../_base_/methods/minent.py',
    '../_base_/datasets/synthetic.py',
    '../_base_/schedules/short.py',
    '../_base_/default_runtime.py',
]
terms = _base_.terms
terms.update(entropy_aux=None)  # no auxiliary classifier
terms.entropy.update(loss_weight=0.01)
model = dict(terms=terms)
