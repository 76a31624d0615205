# adaptsegnet_single.py for narrow networks and short trainings.
_base_ = ['./adaptsegnet_single.py', './narrow.py']
method = dict(terms=dict(output=dict(discriminator=_base_.narrow, loss_weight=0.05)))
