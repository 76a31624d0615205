# DANN on patches: Nienburg -> Hannover.
_base_ = './dann_deeplabv3plus-mv2_hannover2vaihingen.py'
source, target = 'nienburg', 'hannover'
train_dataloader = dict(
    dataset=dict(
        source=dict(dataset=dict(_delete_=True, **_base_.cities[source])),
        target=dict(dataset=dict(_delete_=True, labelled=False, **_base_.cities[target])),
    )
)
val_dataloader = dict(
    dataset=dict(_base_.validation[target], _delete_=True, last_tile='shift', pipeline=_base_.test_pipeline)
)
test_dataloader = val_dataloader
