# What every run shares: scope, seed, log, checkpoints, hooks.
default_scope = 'mmuda'
env_cfg = dict(
    cudnn_benchmark=False,
    mp_cfg=dict(mp_start_method='fork', opencv_num_threads=0),
    dist_cfg=dict(backend='nccl'),
)
randomness = dict(seed=0)
visualizer = dict(type='SegLocalVisualizer', vis_backends=[dict(type='LocalVisBackend')])
tensorboard = False  # True writes the curves and panels to WORK_DIR/tensorboard
log_processor = dict(by_epoch=False)
log_level = 'INFO'
load_from = None
resume = False
# Gradients are averaged by the optimiser wrappers; networks stay unwrapped, checkpoints keep clean names.
model_wrapper_cfg = dict(type='GradSyncWrapper')

default_hooks = dict(
    timer=dict(type='IterTimerHook'),
    logger=dict(type='LoggerHook', interval=50, log_metric_by_epoch=False),
    param_scheduler=dict(type='ParamSchedulerHook'),
    # Written whole or not at all; two are kept, so that a kill inside a save leaves the one before.
    checkpoint=dict(type='ResumableCheckpointHook', by_epoch=False, interval=1000, max_keep_ckpts=2),
    sampler_seed=dict(type='DistSamplerSeedHook'),
    panels=dict(type='PanelHook', interval=500),  # WORK_DIR/panels: what the model makes of the same crops; None: off
)
custom_hooks = [
    dict(type='IterSeedHook'),
    dict(type='CheckpointGuardHook'),
    dict(type='SummaryHook'),
]

# tools/test.py --tta averages over the data config's tta_pipeline.
tta_model = dict(type='SegTTAModel')
