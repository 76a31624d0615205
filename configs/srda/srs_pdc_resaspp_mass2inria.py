# SRS + PDC: SRDA-Net without the output-space classifier.
_base_ = './srda_resaspp_mass2inria.py'
model = dict(terms=dict(output=None))
