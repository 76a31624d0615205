# The upper bound: the NoAdapt network trained on the labels of kampala_train, at the target's own grid.
_base_ = './noadapt_resaspp_nairobi2kampala.py'
train_dataloader = dict(
    dataset=dict(
        source=dict(
            resolution='7cm',
            name_prefix='kampala_train',
            gsd=0.075,
        )
    )
)
