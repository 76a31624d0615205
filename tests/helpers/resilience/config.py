# SRDA-Net in its smallest form, with everything that a resume must bring back: two stages, two workers, an EMA teacher,
# gradients that wait for their update, schedules, validation and frequent checkpoints.
_base_ = '../../../configs/srda/srda_resaspp_synthetic.py'
custom_imports = dict(imports=['tests.helpers.resilience.killing'])
base_channels = 2
narrow = dict(base_channels=base_channels)
model = dict(
    ema=dict(momentum=0.1, evaluate=True),
    segmentor=dict(backbone=narrow, sr_head=narrow, decode_head=narrow),
    terms=dict(pixel=dict(discriminator=narrow), output=dict(discriminator=narrow)),
)
twice = dict(accumulative_counts=2)
optim_wrapper = dict(
    pretrain_segmentor=twice, pretrain_discriminator=twice, segmentor=twice, discriminator=twice
)  # fmt: skip
pretrain_iters, joint_iters = 15, 25
half_then_linear = [
    dict(type='PolyLR', power=1.0, eta_min=0.0, begin=20, end=pretrain_iters + joint_iters, by_epoch=False)
]
param_scheduler = dict(
    pretrain_segmentor=[], pretrain_discriminator=[], segmentor=half_then_linear, discriminator=half_then_linear
)
train_cfg = dict(
    val_interval=10,
    stages=[
        dict(
            name='pretrain',
            iters=pretrain_iters,
            terms=['identity_target', 'identity_source', 'fixed_point', 'pixel'],
            trainable=['!segmentor.decode_head'],
            plan=[
                dict(name='segmentor', losses=['*.segmentor'], optimizers=['pretrain_segmentor'], forward='fresh'),
                dict(
                    name='discriminator',
                    losses=['*.discriminator'],
                    optimizers=['pretrain_discriminator'],
                    detach=True,
                ),
            ],
        ),
        dict(name='joint', iters=joint_iters),
    ],
)
train_dataloader = dict(batch_size=1, num_workers=2, persistent_workers=True)
val_dataloader = dict(dataset=dict(indices=4))
default_hooks = dict(
    logger=dict(type='LoggerHook', interval=1, log_metric_by_epoch=False),
    # An odd interval: some checkpoints lie between two updates, one lies on a validation, some before the second stage.
    checkpoint=dict(type='ResumableCheckpointHook', by_epoch=False, interval=5, max_keep_ckpts=2),
)
custom_hooks = [
    dict(type='IterSeedHook'),
    dict(type='CheckpointGuardHook'),
    dict(type='SummaryHook'),
    dict(type='SelfKillHook'),
]
