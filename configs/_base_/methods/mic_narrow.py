# mic.py for narrow networks and short trainings: the teacher keeps up.
_base_ = './mic.py'
method = dict(ema=dict(momentum=0.01))
