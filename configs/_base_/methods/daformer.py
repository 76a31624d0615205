# DAFormer (https://arxiv.org/abs/2111.14887): DACS with a slower teacher. Sampling by rare classes comes with the data;
# the feature distance is off, since aerial imagery has none of the "thing" classes that it is for. On street scenes:
# method = dict(terms=dict(feature=_base_.feature))
_base_ = './dacs.py'
method = dict(ema=dict(momentum=0.001))
feature = dict(type='FeatureDistance', classes=(6, 7, 11, 12, 13, 14, 15, 16, 17, 18), loss_weight=0.005)
