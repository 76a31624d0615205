# ISIA and AIM, initial training (12) for 40k iterations, then retraining on pseudo labels (13), 120k in all:
# DeepGlobe roads (0.5 m) -> Massachusetts Roads (1.0 m).
_base_ = './isia_aim_deeplabv3plus-r101_deepglobe2massroads.py'
iters = 120_000
model = dict(batch_norm=['target', 'pseudo'], terms=dict(pseudo=dict(type='SupervisedTerm', view='pseudo')))
param_scheduler = dict(segmentor=[dict(type='PolyLR', power=0.9, eta_min=0.0, end=iters, by_epoch=False)])
target = _base_.train_dataloader.dataset.target
train_cfg = dict(
    stages=[
        dict(name='initial', iters=40000, terms=['supervised', 'output', 'category', 'instance']),
        dict(
            name='retrain',
            iters=80000,
            # (13) keeps every term of (12). The pseudo labels: the whole target, labelled by the model as it is when
            # the stage begins, where it is sure.
            pseudo_labels=dict(
                dataloader=dict(
                    batch_size=1,
                    num_workers=4,
                    sampler=dict(type='DefaultSampler', shuffle=False),
                    dataset=dict(target, tile=512, pipeline=_base_.test_pipeline),
                ),
                threshold=dict(kind='median', cap=0.9),
            ),
            train_dataloader=dict(
                dataset=dict(pseudo=dict(target, labelled=True, predicted_labels='{work_dir}/pseudo_labels/retrain'))
            ),
        ),
    ]
)
