# Proportion alignment on the built-in synthetic imagery: the NoAdapt network, equally many updates, one more term.
# Compare with configs/srda/noadapt_down_resaspp_synthetic.py, which trains the same network on the source alone.
_base_ = [
    '../../../configs/_base_/models/noadapt_resaspp_narrow.py',
    '../../../configs/_base_/datasets/synthetic.py',
    '../../../configs/_base_/schedules/noadapt_short.py',
    '../../../configs/_base_/default_runtime.py',
]
# The package next to this config, relative to the repository root, so that a copy of the project imports its own.
folder = '{{ fileDirname }}'
package = '.'.join([*folder.split('/')[-3:-1], 'proportion_alignment'])
del folder  # otherwise the config would contain paths of this machine
custom_imports = dict(imports=[package], allow_failed_imports=False)

model = dict(
    type='RampedAdaptation',
    ramp_terms=['proportion'],
    ramp_iters=600,  # half of the run: the source is learned first
    terms=dict(
        proportion=dict(
            type='ProportionAlignment',
            discriminator=dict(type='DilatedDiscriminator'),
            loss=dict(type='GANLoss', gan_type='vanilla'),
            loss_weight=0.01,
            proportion_loss=dict(type='ProportionLoss', tolerance=2.0),
            proportion_weight=0.1,
        )
    ),
)

# Both domains at the source's 1.0 m: crops of 48 m are 48 px of the source, and 160 px of the target made 48.
crop, load, flip, pack = _base_.small, _base_.load, _base_.flip, _base_.pack
to_source = dict(type='ResampleToGSD', gsd=_base_.source_gsd)
train_dataloader = dict(
    batch_size=2,
    dataset=dict(
        source=dict(pipeline=[crop, load, flip, dict(type='RandomIllumination'), pack]),
        target=dict(pipeline=[crop, load, to_source, flip, pack]),
    ),
)
val_dataloader = dict(dataset=dict(tile=256, pipeline=_base_.on_source_grid))

# The base has the segmentor's optimiser; the discriminator gets its own, with the same schedule.
optim_wrapper = dict(
    discriminator=dict(params=['terms.*.discriminator'], optimizer=dict(type='Adam', lr=1e-3, betas=(0.9, 0.999)))
)
param_scheduler = dict(discriminator=[dict(type='PolyLR', power=1.0, during='run', begin=0.5)])
train_cfg = dict(iters=dict(train=1200))
