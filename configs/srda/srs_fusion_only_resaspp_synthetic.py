# Table III, + strategy 1: pyramid fusion without the fed-back cross entropy.
_base_ = './srs_resaspp_synthetic.py'
model = dict(terms=dict(fed_back=None))
