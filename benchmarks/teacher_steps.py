"""Time of a step with a teacher over the time of its forwards and backwards alone, and where the rest goes.

    python benchmarks/teacher_steps.py CONFIG [--size 512] [--batch 2] [--rounds 3]

A first step records which network forwards which batches, and whether with a graph. Then, in turns, a whole step is
made and the same forwards are repeated by bare PyTorch: backbone and head without a graph for the teacher; for the
segmentor also the logits resized to the image, cross entropy against random labels, and the backward pass. The result
is the median over rounds of the ratio. Images are random; pretrained weights are not read.
"""

import argparse
import statistics
from contextlib import contextmanager

import torch
import torch.nn.functional as F
from mmengine.logging import MMLogger
from parts import clock, random_batch

from mmuda.apis import load_config, prepare
from mmuda.engine import NamedOptimWrapperConstructor
from mmuda.models.wrappers import Teacher
from mmuda.registry import MODELS


@contextmanager
def recorded(model):
    """The forwards of the segmentor and its teacher: (network, batch of images, whether it has a graph)."""
    forwards, handles = [], []
    for network in (model.segmentor, model.teacher.module):

        def note(_module, inputs, network=network):
            forwards.append((network, inputs[0].detach().clone(), torch.is_grad_enabled()))

        handles.append(network.backbone.register_forward_pre_hook(note))
    yield forwards
    for handle in handles:
        handle.remove()


@contextmanager
def timed(**parts):
    """Seconds spent in methods, by name, without those spent in one another; parts are (owner, name of the method)."""
    seconds, methods, within = dict.fromkeys(parts, 0.0), {}, [0.0]
    for part, (owner, name) in parts.items():
        method = methods[part] = getattr(owner, name)

        def measured(*args, method=method, part=part, **kwargs):
            start = clock()
            within.append(0.0)
            try:
                return method(*args, **kwargs)
            finally:
                whole = clock() - start
                seconds[part] += whole - within.pop()
                within[-1] += whole

        setattr(owner, name, measured)
    yield seconds
    for part, (owner, name) in parts.items():
        setattr(owner, name, methods[part])


def bare(forwards, classes: int) -> None:
    """The forwards, and the backwards of those that have a graph."""
    for network, images, has_graph in forwards:
        with torch.set_grad_enabled(has_graph):
            logits = network.decode_head(network.backbone(images))
            if has_graph:
                logits = F.interpolate(logits, size=images.shape[-2:], mode='bilinear', align_corners=False)
                labels = torch.randint(classes, (len(images), *images.shape[-2:]), device=images.device)
                F.cross_entropy(logits, labels).backward()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config')
    parser.add_argument('--size', type=int, default=512, help='side of an image in pixels')
    parser.add_argument('--batch', type=int, default=2, help='images of each stream')
    parser.add_argument('--rounds', type=int, default=3)
    args = parser.parse_args()
    MMLogger.get_instance('mmengine', log_level='WARNING')
    cfg = prepare(load_config(args.config))
    classes = cfg.model.segmentor.decode_head.num_classes
    cfg.model.segmentor.backbone.init_cfg = None
    cfg.model.terms.pop('feature', None)  # its encoder needs pretrained weights
    model = MODELS.build(cfg.model).train()
    model.init_weights()
    optimizers = {key: value for key, value in cfg.optim_wrapper.items() if key != 'constructor'}
    optimizers = NamedOptimWrapperConstructor(optimizers)(model)
    batch = random_batch(cfg.train_dataloader.dataset, classes, args.size, args.batch)
    with recorded(model) as forwards:
        model.train_step(batch, optimizers)
    parameters = [p for p in model.segmentor.parameters() if p.requires_grad]
    places = {f'view {name}': (view, 'build') for name, view in model.views.items()}
    places['forwards, as in the bare step'] = type(model.adapter), 'forward'
    places['optimiser'] = next(iter(optimizers.values())).optimizer, 'step'
    places['average'] = Teacher, 'update_parameters'
    ratios, shares = [], {name: [] for name in places}
    for _ in range(args.rounds + 1):
        start = clock()
        bare(forwards, classes)
        alone = clock() - start
        for parameter in parameters:
            parameter.grad = None
        with timed(**places) as seconds:
            start = clock()
            model.train_step(batch, optimizers)
            whole = clock() - start
        ratios.append(whole / alone)
        for name, value in seconds.items():
            shares[name].append(value / alone)
        print(f'{alone:.2f} s alone, {whole:.2f} s whole, ratio {whole / alone:.3f}', flush=True)
    print(f'{len(forwards)} forwards, {sum(graph for *_, graph in forwards)} of them with a backward')
    print(f'step over its forwards and backwards: {statistics.median(ratios[1:]):.3f}')
    for name, values in shares.items():
        print(f'  {name}: {statistics.median(values[1:]):+.4f}')


if __name__ == '__main__':
    main()
