# SRDA-Net, Massachusetts Buildings -> Inria, alpha 2.5, beta 10 (the paper's settings).
_base_ = [
    '../_base_/models/srda_resaspp.py',
    '../_base_/datasets/srda_mass2inria.py',
    '../_base_/schedules/srda_mass2inria.py',
    '../_base_/default_runtime.py',
]
alpha = 2.5
model = dict(terms=dict(supervised=dict(loss_weight=alpha), fed_back=dict(loss_weight=alpha)))
