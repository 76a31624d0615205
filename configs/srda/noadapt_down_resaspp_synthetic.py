# NoAdapt with the target downsampled to the source's ground sample distance before the network: a second baseline that
# separates what resampling alone gives from what adaptation gives.
_base_ = './noadapt_resaspp_synthetic.py'
val_dataloader = dict(dataset=dict(pipeline=_base_.on_source_grid))
