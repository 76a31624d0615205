# clan.py for narrow networks and short trainings.
_base_ = ['./clan.py', './narrow.py']
warmup = 100  # 5 % of the run
method = dict(terms=dict(output=dict(discriminator=_base_.narrow, warmup=warmup, loss_weight=0.05)))
