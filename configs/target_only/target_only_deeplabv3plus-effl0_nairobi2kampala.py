# The upper bound: trained on the target's labels: Nairobi -> Kampala.
_base_ = '../source_only/source_only_deeplabv3plus-effl0_nairobi2kampala.py'
source = dict(_base_.target, pipeline=_base_.target_pipeline, labelled=True)
train_dataloader = dict(dataset=dict(source=source))
