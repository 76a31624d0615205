# DAFormer on a narrow network: DACS, and rare classes more often: synthetic imagery.
_base_ = '../dacs/dacs_deeplabv3plus-effl0_synthetic.py'
train_dataloader = dict(dataset=dict(rare_classes=dict(temperature=0.05, min_pixels=45)))
