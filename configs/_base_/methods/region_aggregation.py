# Low2High's supervision by coarse labels: logits summed over label cells (section 4.3).
method = dict(terms=dict(supervised=dict(type='RegionAggregation', reduction='sum')))
