# SRDA-Net on real UAV imagery: Nairobi 15 cm with labels -> Kampala 7.5 cm without, two classes.
_base_ = [
    '../_base_/models/srda_resaspp_narrow.py',
    '../_base_/datasets/srda_nairobi2kampala.py',
    '../_base_/schedules/srda_short.py',
    '../_base_/default_runtime.py',
]
