# pfr.py for narrow networks and short trainings.
_base_ = ['./pfr.py', './narrow.py']
method = dict(terms=dict(output=dict(discriminator=_base_.narrow, loss_weight=0.05)))
