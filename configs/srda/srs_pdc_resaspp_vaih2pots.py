# SRS + PDC: SRDA-Net without the output-space classifier.
_base_ = './srda_resaspp_vaih2pots.py'
model = dict(terms=dict(output=None))
