# High: trained on fine labels, the upper bound; synthetic imagery.
_base_ = './low_unet-r18_synthetic.py'
train_dataloader = dict(dataset=dict(source=dict(fine=True, pipeline=_base_.load_fine)))
