# NoAdapt: trained on Nairobi's own grid, tested on Kampala's own grid.
_base_ = [
    '../_base_/models/noadapt_resaspp_narrow.py',
    '../_base_/datasets/source_only_nairobi2kampala.py',
    '../_base_/schedules/noadapt_short.py',
    '../_base_/default_runtime.py',
]
