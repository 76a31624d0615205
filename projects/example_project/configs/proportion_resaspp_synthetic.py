# Proportion alignment on the built-in synthetic imagery: the NoAdapt network, as many updates of it, and one term more.
# Compare with configs/srda/noadapt_down_resaspp_synthetic.py, which trains the same network on the source alone.
_base_ = [
    '../../../configs/_base_/models/noadapt_resaspp_narrow.py',
    '../../../configs/_base_/datasets/srda_synthetic.py',
    '../../../configs/_base_/schedules/noadapt_synthetic.py',
    '../../../configs/_base_/default_runtime.py',
]
# The package beside this config, as seen from the root of the repository: a copy of the project imports its own.
folder = '{{ fileDirname }}'
package = '.'.join([*folder.split('/')[-3:-1], 'proportion_alignment'])
del folder  # else the machine's paths would be part of the config
custom_imports = dict(imports=[package], allow_failed_imports=False)
num_classes = 6

model = dict(
    type='RampedAdaptation',
    ramp_terms=['proportion'],
    ramp_iters=_base_.iters // 2,  # half of the run: the source is learned first
    segmentor=dict(decode_head=dict(num_classes=num_classes)),
    terms=dict(
        proportion=dict(
            type='ProportionAlignment',
            num_classes=num_classes,
            discriminator=dict(type='DilatedDiscriminator', in_channels=num_classes),
            loss=dict(type='GANLoss', gan_type='vanilla'),
            loss_weight=0.01,
            proportion_loss=dict(type='ProportionLoss', tolerance=2.0),
            proportion_weight=0.1,
        )
    ),
)

# Both domains at the source's 1.0 m: crops of 48 m are 48 px of the source, and 160 px of the target made 48.
source_pipeline = [
    dict(type='RandomGroundCrop', extent=_base_.extent),
    dict(type='LoadRasterWindow'),
    dict(type='RandomFlipAll'),
    dict(type='RandomIllumination'),
    dict(type='PackUDAInputs'),
]
target_pipeline = [
    dict(type='RandomGroundCrop', extent=_base_.extent),
    dict(type='LoadRasterWindow'),
    dict(type='ResampleToGSD', gsd=_base_.source_gsd),
    dict(type='RandomFlipAll'),
    dict(type='PackUDAInputs'),
]
train_dataloader = dict(
    dataset=dict(
        source=dict(pipeline=source_pipeline),
        target=dict(pipeline=target_pipeline),
    )
)

# The base has the segmentor's optimiser; the discriminator gets its own, with the same schedule.
optim_wrapper = dict(
    discriminator=dict(params=['terms.*.discriminator'], optimizer=dict(type='Adam', lr=1e-3, betas=(0.9, 0.999)))
)
param_scheduler = dict(
    discriminator=[
        dict(
            type='PolyLR',
            power=1.0,
            eta_min=0.0,
            begin=_base_.iters // 2,
            end=_base_.iters,
            by_epoch=False,
        )
    ]
)
