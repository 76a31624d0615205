# dacs.py for narrow networks and short trainings: the average predicts.
_base_ = './dacs.py'
method = dict(ema=dict(evaluate=True))
