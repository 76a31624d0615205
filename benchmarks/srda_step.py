"""A step of SRDA-Net at the paper's width beside the step as its equations read, and beside its convolutions alone.

    python benchmarks/srda_step.py [--threads 1] [--batch 1] [--size 57 190] [--rounds 5] [--memory] [--json FILE]

The literal step calls the same networks one domain after the other, in float32 and NCHW: it computes every gradient
that autograd offers, as a script does that calls ``backward`` and freezes nothing. The bound is the time of the step's
convolutions alone, forward and backward with the gradients that the step needs, in each layout. All are measured in
turns. ``--memory`` measures the peak memory of each instead, in a process of its own.
"""

import argparse
import os
import resource
import sys
from collections import Counter

import torch
import torch.nn.functional as F
from parts import Training, ceilings, in_turns, random_batch, report
from torch.utils._python_dispatch import TorchDispatchMode

CONFIG = 'configs/srda/srda_resaspp_mass2inria.py'
VARIANTS = {
    'literal': None,
    'exact': {},
    'channels_last': dict(channels_last=True),
    'bfloat16': dict(dtype='bfloat16'),
    'bfloat16, channels_last': dict(dtype='bfloat16', channels_last=True),
}


class Literal:
    """The step by hand: every network as an equation names it."""

    def __init__(self, device: str = 'cpu') -> None:
        self.training = Training(CONFIG, device=device)
        model = self.training.model
        self.segmentor, self.terms = model.segmentor, model.terms
        self.perceptual = model.terms['identity_source'].loss
        discriminators = [model.terms[name].discriminator for name in ('pixel', 'output')]
        adam = dict(lr=1.5e-4, betas=(0.9, 0.999), weight_decay=5e-4)
        self.generator = torch.optim.Adam(self.segmentor.parameters(), **adam)
        self.classifiers = torch.optim.Adam([p for one in discriminators for p in one.parameters()], **adam)
        self.pixel, self.output = discriminators

    def passed(self, images, size):
        """Feature, logits and super-resolved image."""
        feature = self.segmentor.extract_feat(images)
        upsampled = self.segmentor.sr_features(feature)
        return feature[0], self.segmentor.decode(feature, upsampled), self.segmentor.super_resolve(upsampled, size)

    def step(self, batch):
        data = self.training.model.data_preprocessor(batch, training=True)
        source, target = data['source'], data['target']
        label = torch.stack([sample.gt_sem_seg.data[0] for sample in source['data_samples']])
        size = tuple(target['fine_image'].shape[-2:])

        def supervised(logits):
            return F.cross_entropy(F.interpolate(logits, size=label.shape[-2:], mode='bilinear'), label)

        feature, logits, finer = self.passed(source['inputs'], size)
        fed_back = F.interpolate(finer.detach(), size=source['inputs'].shape[-2:], mode='nearest')
        feature_back, logits_back, _ = self.passed(fed_back, size)
        _, logits_target, finer_target = self.passed(target['inputs'], size)
        prob, prob_target = logits.softmax(1), logits_target.softmax(1)
        ones = torch.ones_like
        judged = self.pixel(finer)
        judged_target = self.output(prob_target)
        loss = 2.5 * (supervised(logits) + supervised(logits_back))
        loss = loss + 10 * (
            F.mse_loss(finer_target, target['fine_image']) + self.perceptual(finer, source['fine_image'])
        )
        loss = loss + 5 * F.l1_loss(feature_back, feature)
        loss = loss + F.mse_loss(judged, ones(judged))
        loss = loss + F.binary_cross_entropy_with_logits(judged_target, 0 * judged_target.detach())
        self.generator.zero_grad()
        loss.backward()
        self.generator.step()
        fake, real = self.pixel(finer.detach()), self.pixel(target['fine_image'])
        zero, one = self.output(prob.detach()), self.output(prob_target.detach())
        loss = 0.5 * (F.mse_loss(fake, 0 * fake.detach()) + F.mse_loss(real, ones(real)))
        loss = loss + 0.5 * F.binary_cross_entropy_with_logits(zero, 0 * zero.detach())
        loss = loss + 0.5 * F.binary_cross_entropy_with_logits(one, ones(one))
        self.classifiers.zero_grad()
        loss.backward()
        self.classifiers.step()


class Convolutions(TorchDispatchMode):
    """Collects the convolutions of a step: shapes, arguments and the gradients that are asked for."""

    def __init__(self):
        super().__init__()
        self.calls = Counter()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = func.overloadpacket.__name__
        if name == 'convolution':
            x, weight, bias, *rest = args
            self.calls[('forward', x.shape, weight.shape, bias is not None, repr(rest))] += 1
        elif name == 'convolution_backward':
            grad, x, weight, _, *rest, wanted = args
            self.calls[('backward', x.shape, weight.shape, tuple(grad.shape), repr((rest, list(wanted))))] += 1
        return func(*args, **(kwargs or {}))

    def replay(self, layout):
        """A function that runs them all, on random tensors in one layout."""
        jobs = []
        for (kind, x, weight, third, rest), count in self.calls.items():
            rest = eval(rest)  # numbers and lists that repr wrote above
            x, weight = (torch.rand(shape).to(memory_format=layout) for shape in (x, weight))
            if kind == 'forward':
                bias = torch.rand(weight.shape[1 if rest[3] else 0]) if third else None
                jobs.append((count, torch.ops.aten.convolution, (x, weight, bias, *rest)))
            else:
                arguments, wanted = rest
                out = torch.rand(third).to(memory_format=layout)
                bias = [weight.shape[1 if arguments[3] else 0]]
                jobs.append((count, torch.ops.aten.convolution_backward, (out, x, weight, bias, *arguments, wanted)))

        def run():
            with torch.no_grad():
                for count, function, arguments in jobs:
                    for _ in range(count):
                        function(*arguments)

        return run


def variant(name: str):
    """The literal step, or ours with options."""
    return Literal() if VARIANTS[name] is None else Training(CONFIG, **VARIANTS[name])


def peak(name: str, batch_size: int, size) -> float:
    """Peak memory in MiB of two steps, beyond what the process held before the model was built."""
    sys.stdout.flush()
    reading, writing = os.pipe()
    if os.fork() == 0:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        one = variant(name)
        training = getattr(one, 'training', one)
        batch = random_batch(training.cfg.train_dataloader.dataset, training.classes, size[0], batch_size, size[1])
        for _ in range(2):
            one.step(batch)
        mebibytes = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
        os.write(writing, str(mebibytes).encode())
        os._exit(0)
    os.wait()
    return float(os.read(reading, 100))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--threads', type=int, default=1)
    parser.add_argument('--batch', type=int, default=1)
    parser.add_argument('--size', type=int, nargs=2, default=(57, 190), help='sides of the coarse and the fine image')
    parser.add_argument('--rounds', type=int, default=5)
    parser.add_argument('--memory', action='store_true')
    parser.add_argument('--json', help='adds the rows to this file')
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    title = f'SRDA-Net, {args.size[0]} -> {args.size[1]} px, batch {args.batch}, {args.threads} threads'
    if args.memory:
        peaks = {name: peak(name, args.batch, args.size) for name in VARIANTS}
        rows = {name: dict(mebibytes=value, ratio=value / peaks['literal']) for name, value in peaks.items()}
        report(f'{title}, memory', rows, args.json)
        return
    report('ceilings', {name: dict(value=value) for name, value in ceilings().items()}, args.json)
    models = {name: variant(name) for name in VARIANTS}
    one = models['exact']
    batch = random_batch(one.cfg.train_dataloader.dataset, one.classes, args.size[0], args.batch, args.size[1])
    with Convolutions() as convolutions:
        one.step(batch)
    functions = {name: (lambda model=model: model.step(batch)) for name, model in models.items()}
    functions['bound: its convolutions'] = convolutions.replay(torch.contiguous_format)
    functions['bound: its convolutions, channels_last'] = convolutions.replay(torch.channels_last)
    report(title, in_turns(functions, args.rounds), args.json)


if __name__ == '__main__':
    main()
