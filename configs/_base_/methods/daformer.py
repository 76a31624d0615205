# DAFormer (https://arxiv.org/abs/2111.14887): DACS with a slower teacher. Rare classes more often are the data's:
# train_dataloader = dict(dataset=dict(rare_classes=dict(temperature=0.01))). The feature distance is off, since aerial
# imagery has none of the "thing" classes that it is for. On street scenes:
# _base_.method.terms.feature = dict(_base_.feature, encoder=_base_.model.segmentor.backbone)
_base_ = './dacs.py'
method = dict(ema=dict(momentum=0.001))
feature = dict(type='FeatureDistance', classes=(6, 7, 11, 12, 13, 14, 15, 16, 17, 18), loss_weight=0.005)
