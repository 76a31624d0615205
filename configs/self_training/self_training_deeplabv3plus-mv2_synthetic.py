# Plain self-training (as CBST, one round): AdaBN along training, then pseudo labels, the surest half of each class:
# synthetic imagery.
_base_ = '../source_only/source_only_deeplabv3plus-mv2_synthetic.py'
model = dict(
    batch_norm=['target', 'pseudo'],
    terms=dict(target=dict(type='ForwardTerm'), pseudo=dict(type='SupervisedTerm', view='pseudo')),
)
iters = 500
param_scheduler = dict(segmentor=[dict(type='PolyLR', power=0.9, eta_min=0.0, end=iters, by_epoch=False)])
target = _base_.train_dataloader.dataset.target
train_cfg = dict(
    stages=[
        dict(name='initial', iters=300, terms=['supervised', 'target']),
        dict(
            name='self_training',
            iters=200,
            terms=['supervised', 'pseudo'],
            # The whole target, labelled by the model as it is when the stage begins, where it is sure.
            pseudo_labels=dict(
                dataloader=dict(
                    batch_size=1,
                    num_workers=0,
                    sampler=dict(type='DefaultSampler', shuffle=False),
                    dataset=dict(target, tile=1024, pipeline=_base_.test_pipeline),
                ),
                threshold=dict(kind='portion', portion=0.5),
            ),
            train_dataloader=dict(
                dataset=dict(
                    pseudo=dict(target, labelled=True, predicted_labels='{work_dir}/pseudo_labels/self_training')
                )
            ),
        ),
    ]
)
