# Plain self-training (as CBST, one round): the surest half of each class as labels:
# SYNTHIA -> Cityscapes.
_base_ = '../source_only/source_only_deeplabv2-r101_synthia2cityscapes.py'
model = dict(
    batch_norm='shared',
    terms=dict(target=dict(type='ForwardTerm'), pseudo=dict(type='SupervisedTerm', view='pseudo')),
)
target = _base_.train_dataloader.dataset.target
train_cfg = dict(
    stages=[
        dict(name='initial', iters=75000, terms=['supervised', 'target']),
        dict(
            name='self_training',
            iters=75000,
            terms=['supervised', 'pseudo'],
            # The whole target, labelled by the model as it is when the stage begins, where it is sure.
            pseudo_labels=dict(
                dataloader=dict(
                    batch_size=1,
                    num_workers=4,
                    sampler=dict(type='DefaultSampler', shuffle=False),
                    dataset=dict(target, pipeline=_base_.test_pipeline),
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
