# minent.py for narrow networks and short trainings, without an auxiliary classifier.
_base_ = './minent.py'
method = dict(terms=dict(entropy=dict(loss_weight=0.01), entropy_aux=None))
