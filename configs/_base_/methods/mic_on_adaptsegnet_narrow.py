# mic_on_adaptsegnet.py for narrow networks and short trainings.
_base_ = ['./mic_on_adaptsegnet.py', './narrow.py']
method = dict(
    ema=dict(momentum=0.01),
    terms=dict(output=dict(discriminator=_base_.narrow, loss_weight=0.05)),
)
