"""A step of a narrow network on a CPU: torch's own gradients of depthwise convolutions against ours, and bfloat16.

    python benchmarks/narrow_step.py [CONFIG] [--threads 1] [--rounds 6] [--json FILE]

The batch is one of the config's own, and all variants train on it in turns. A ratio is the first one's time over this
one's.
"""

import argparse

import torch
from mmengine.runner import Runner
from parts import Training, in_turns, report

CONFIG = 'configs/adaptsegnet/adaptsegnet_single_deeplabv3plus-effl0_synthetic.py'


def native(cfg) -> None:
    """Train depthwise convolutions by torch's own gradients."""
    cfg.model.networks = {'segmentor': dict(fast_depthwise=False)}


def fused(cfg) -> None:
    """Let torch's fused optimisers step."""
    for wrapper in cfg.optim_wrapper.values():
        if isinstance(wrapper, dict):
            wrapper['optimizer']['fused'] = True


VARIANTS = {
    "float32, torch's gradients": dict(change=native),
    'float32': {},
    'float32, NCHW': dict(channels_last=False),
    'float32, fused optimisers': dict(change=fused),
    "bfloat16, torch's gradients": dict(change=native, dtype='bfloat16'),
    'bfloat16': dict(dtype='bfloat16'),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', nargs='?', default=CONFIG)
    parser.add_argument('--threads', type=int, default=1)
    parser.add_argument('--rounds', type=int, default=6)
    parser.add_argument('--json', help='adds the rows to this file')
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    models = {name: Training(args.config, **options) for name, options in VARIANTS.items()}
    one = next(iter(models.values()))
    batch = next(iter(Runner.build_dataloader(one.cfg.train_dataloader, seed=0)))
    steps = {name: (lambda model=model: model.step(batch)) for name, model in models.items()}
    report(f'a step of {one.name}, {args.threads} threads', in_turns(steps, args.rounds), args.json)


if __name__ == '__main__':
    main()
