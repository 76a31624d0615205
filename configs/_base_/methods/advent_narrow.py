# ADVENT, single-level, for narrow networks and short trainings.
_base_ = './adaptsegnet_single_narrow.py'
method = dict(terms=dict(output=dict(activation='entropy')))
