# fcan.py for narrow networks and short trainings: the paper's 5 : 1, over 5.
_base_ = './fcan.py'
method = dict(
    terms=dict(supervised=dict(loss_weight=1.0), feature=dict(discriminator=dict(channels=32), loss_weight=0.2))
)
