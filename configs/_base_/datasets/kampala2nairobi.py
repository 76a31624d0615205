# Kampala at 15 cm with labels -> Nairobi at 7.5 cm without; as nairobi2kampala.py, in the other direction. Training
# sees one raster of Nairobi, the test is the other. Of the views, `patches` is not for this pair.
_base_ = './nairobi2kampala.py'
train_dataloader = dict(dataset=dict(source=dict(name_prefix='kampala'), target=dict(name_prefix='nairobi_b')))
val_dataloader = dict(dataset=dict(name_prefix='nairobi_a'))
on_target = dict(dataset=dict(source=dict(name_prefix='nairobi_b')))
reference = dict(_base_.kampala, name_prefix='nairobi_b', labelled=False, pipeline=_base_.target_pipeline[:-1])
matched = [*_base_.source_pipeline[:-1], dict(type='HistogramMatching', reference=reference), _base_.pack]
histogram = dict(dataset=dict(source=dict(pipeline=matched)))
