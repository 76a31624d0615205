# Super-resolution (SRDA-Net) + category alignment (ISIA) + self-training: synthetic imagery.
_base_ = '../srda/srda_resaspp_synthetic.py'
adapt = ['supervised', 'fed_back', 'identity_target', 'identity_source', 'fixed_point', 'pixel', 'output', 'category']
model = dict(
    terms=dict(
        category=dict(type='CategoryAlignment', loss_weight=0.01),
        pseudo=dict(type='SupervisedTerm', view='pseudo', loss_weight=5.0),
    )
)
target = _base_.train_dataloader.dataset.target
train_cfg = dict(
    stages=[
        _base_.train_cfg.stages[0],
        dict(name='joint', iters=800, terms=adapt),
        dict(
            name='self_training',
            iters=400,
            pseudo_labels=dict(
                dataloader=dict(
                    batch_size=1,
                    num_workers=0,
                    sampler=dict(type='DefaultSampler', shuffle=False),
                    dataset=dict(target, tile=512, pipeline=_base_.test_pipeline),
                ),
                threshold=dict(kind='median', cap=0.9),
            ),
            train_dataloader=dict(
                dataset=dict(
                    pseudo=dict(target, labelled=True, predicted_labels='{work_dir}/pseudo_labels/self_training')
                )
            ),
        ),
    ]
)
