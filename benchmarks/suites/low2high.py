"""Low2High on synthetic imagery: fine maps from coarse labels."""

from mmuda.experiments import Entry, Pair, Suite


def entry(name: str, **settings) -> Entry:
    return Entry(name, config=f'configs/low2high/{name}_unet-r18_synthetic.py', **settings)


full = Suite(
    pairs=[Pair('synthetic_coarse')],
    entries=[
        entry('low'),
        entry('aggregation'),
        entry('adversarial'),
        Entry('mae', config='configs/low2high/mae_r18_synthetic.py', iters=4000),
        entry('low2high', after='mae', start='model.segmentor.backbone.init_cfg.checkpoint'),
        entry('high'),
    ],
    references=('low',),
    cheap=('low',),
    target_only='high',
)
