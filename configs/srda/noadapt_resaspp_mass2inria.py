# NoAdapt at the paper's width: trained on the source's own grid, tested on the target's own grid.
_base_ = [
    '../_base_/models/noadapt_resaspp.py',
    '../_base_/datasets/source_only_mass2inria.py',
    '../_base_/schedules/noadapt_mass2inria.py',
    '../_base_/default_runtime.py',
]
