# The upper bound: the NoAdapt network trained on the target's labels, at the target's own grid: synthetic imagery.
_base_ = './noadapt_resaspp_synthetic.py'
train_dataloader = dict(dataset=dict(source=dict(_base_.target, labelled=True)))
