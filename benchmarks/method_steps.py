"""Steps of the methods relative to one another: what alignment costs over supervised training on the same images.

    python benchmarks/method_steps.py [--size 512] [--batch 1] [--threads 1] [--rounds 3] [--names NAME ...]

All train one segmentor, DeepLab-v2 on ResNet-101 with 19 classes, on random images, in turns in one process.
``supervised on both`` trains on labels of both domains: it forwards what an alignment forwards, without discriminators.
A ratio is the first one's time over this one's. ``--profile NAME`` says where a step spends its time instead.
"""

import argparse

import torch
from parts import Training, in_turns, random_batch, report
from torch.profiler import profile, record_function

R101 = 'configs/{0}/{1}_deeplabv2-r101_gta2cityscapes.py'
BOTH = 'supervised on both'
CONFIGS = {
    BOTH: R101.format('source_only', 'source_only'),
    'source_only': R101.format('source_only', 'source_only'),
    'adaptsegnet_single': R101.format('adaptsegnet', 'adaptsegnet_single'),
    'adaptsegnet': R101.format('adaptsegnet', 'adaptsegnet'),
    'isia_aim': R101.format('isia_aim', 'isia_aim'),
    'pfr': R101.format('pfr', 'pfr'),
    'dacs': R101.format('dacs', 'dacs'),
}


def on_both(cfg) -> None:
    """Add a supervised term on the target."""
    cfg.model.terms = {**(cfg.model.get('terms') or {}), 'target': dict(type='SupervisedTerm', view='target')}
    for stage in cfg.train_cfg.get('stages') or ():
        if stage.get('terms') is not None:
            stage.terms = [*stage.terms, 'target']


def training(name: str, **options) -> Training:
    """The training of one of the names above."""
    return Training(CONFIGS[name], change=on_both if name == BOTH else None, **options)


def batch_for(one: Training, size: int, count: int) -> dict:
    """Random images; the target has labels too, which only ``supervised on both`` reads."""
    streams = dict(source=dict(type='any'), target=dict(type='any'))
    batch = random_batch(streams, one.classes, size, count)
    for own, other in zip(batch['target']['data_samples'], batch['source']['data_samples'], strict=True):
        own.gt_sem_seg = other.gt_sem_seg
    return batch


def parts_of(one: Training, batch: dict) -> dict[str, dict[str, float]]:
    """Seconds of a step by part, without those in one another."""
    model = one.model

    def marked(owner, method: str, name: str) -> None:
        function = getattr(owner, method)

        def called(*args, **kwargs):
            with record_function(name):
                return function(*args, **kwargs)

        setattr(owner, method, called)

    marked(model.data_preprocessor, 'forward', 'normalising')
    marked(model.adapter, 'forward', 'forward')
    marked(model, 'losses', 'terms')
    for wrapper in one.optimizers.values():
        marked(wrapper, 'backward', 'backward')
        marked(wrapper, 'measure', 'gradients: norms, clipping')
        marked(wrapper.optimizer, 'step', 'optimiser')
    marked(model, 'after_plan', 'average of the weights')
    one.step(batch)
    with profile() as events, record_function('step'):
        one.step(batch)
    names = ('normalising', 'forward', 'terms', 'backward', 'gradients: norms, clipping', 'optimiser')
    totals = {event.key: event.cpu_time_total / 1e6 for event in events.key_averages()}
    found = {name: totals.get(name, 0.0) for name in (*names, 'average of the weights')}
    found['terms'] -= found['forward']  # a term asks for its forwards
    found['rest'] = totals['step'] - sum(found.values())
    return {name: dict(seconds=value, share=value / totals['step']) for name, value in found.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--size', type=int, default=512)
    parser.add_argument('--batch', type=int, default=1)
    parser.add_argument('--threads', type=int, default=1)
    parser.add_argument('--rounds', type=int, default=3)
    parser.add_argument('--names', nargs='+', choices=CONFIGS, default=list(CONFIGS))
    parser.add_argument('--profile', choices=CONFIGS)
    parser.add_argument('--json', help='adds the rows to this file')
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    where = f'{args.size} px, batch {args.batch}, {args.threads} threads'
    if args.profile:
        one = training(args.profile)
        report(f'a step of {args.profile}, {where}', parts_of(one, batch_for(one, args.size, args.batch)), args.json)
        return
    models = {name: training(name) for name in args.names}
    batch = batch_for(next(iter(models.values())), args.size, args.batch)
    steps = {name: (lambda one=one: one.step(batch)) for name, one in models.items()}
    report(f'methods, DeepLab-v2 R101, {where}', in_turns(steps, args.rounds), args.json)


if __name__ == '__main__':
    main()
