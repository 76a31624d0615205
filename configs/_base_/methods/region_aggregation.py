# Low2High's supervision by coarse labels: logits summed over label cells (section 4.3).
terms = dict(supervised=dict(type='RegionAggregation', reduction='sum'))
