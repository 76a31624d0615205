# The upper bound: the NoAdapt network trained on the target's labels, at the target's own grid.
_base_ = './noadapt_resaspp_synthetic.py'
train_dataloader = dict(dataset=dict(source=dict(domain='target')))
