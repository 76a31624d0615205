"""DACS, DAFormer and MIC once more, from the papers, in plain torch and float64.

DACS is https://arxiv.org/abs/2007.08702, DAFormer https://arxiv.org/abs/2111.14887, MIC
https://arxiv.org/abs/2212.01322. Nothing of mmuda or mmseg is used: the network is a function of a dict of weights by
name, mixing, colours, blur, masks, losses, AdamW and the teacher are written out. Random numbers are given. The tests
of the optimisation step compare mmuda with it.
"""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F

IGNORED = 255
SHRINKS = 16  # the block of a mask is a sixteenth of the image


@dataclass
class Form:
    """What the methods, the papers and the released code choose."""

    masked: bool = True  # MIC; without it DAFormer or DACS
    alpha: float = 0.999  # the teacher's; DACS has 0.99
    warm_up: bool = True
    threshold: float = 0.968
    classes_of: str = 'image'  # whose classes are drawn from: the image's own or the batch's
    never_drawn: int | None = IGNORED
    jittered: float = 0.8
    blurred: float = 0.5
    hidden: float = 0.7
    dropout: float = 0.25
    rate: float = 6e-5


# Images. They are normalised by mean and standard deviation of their domain, each (3, 1, 1), in 0 to 255.


def to_hsv(rgb):
    """Hue as a share of the circle; the divisor's 1e-8 is kornia's (1e-6 in the version of the released code)."""
    red, green, blue = rgb
    value, chroma = rgb.max(dim=0).values, rgb.max(dim=0).values - rgb.min(dim=0).values
    span = torch.where(chroma == 0, 1, chroma)
    sixths = torch.where(
        value == red,
        (green - blue) / span % 6,
        torch.where(value == green, (blue - red) / span + 2, (red - green) / span + 4),
    )
    return sixths / 6, chroma / (value + 1e-8), value


def to_rgb(hue, saturation, value):
    bands = []
    for n in (5, 3, 1):
        k = (n + 6 * hue) % 6
        bands.append(value - value * saturation * torch.minimum(k, 4 - k).clamp(0, 1))
    return torch.stack(bands)


def saturated(rgb, factor):
    hue, saturation, value = to_hsv(rgb)
    return to_rgb(hue, (saturation * factor).clamp(max=1), value)


def turned(rgb, turns):
    hue, saturation, value = to_hsv(rgb)
    return to_rgb((hue + turns) % 1, saturation, value)


# As kornia 0.5, by a number u of [0, 1]: each strength is 0.2.
CHANGES = (
    lambda rgb, u: (rgb + 0.4 * u - 0.2).clamp(0, 1),
    lambda rgb, u: (rgb * (0.8 + 0.4 * u)).clamp(0, 1),
    lambda rgb, u: saturated(rgb, 0.8 + 0.4 * u),
    lambda rgb, u: turned(rgb, 0.4 * u - 0.2),
)


def gaussian_filter(image, sigma):
    """The kernel ends at four standard deviations; borders are mirrored."""
    radius = math.ceil(4 * sigma)
    x = torch.arange(-radius, radius + 1, dtype=torch.float64)
    kernel = torch.exp(-(x[:, None] ** 2 + x[None] ** 2) / (2 * sigma**2))
    padded = F.pad(image[:, None], (radius,) * 4, mode='reflect')
    return F.conv2d(padded, (kernel / kernel.sum())[None, None])[:, 0]


# The network: ResNet of one stage of two basic blocks, head of one convolution; logits at a quarter of the size.


def resize(x, size):
    """Bilinear; pixel i of ``new`` lies at (i + 1/2) old / new - 1/2, borders are repeated."""
    matrices = []
    for new, old in zip(size, x.shape[-2:], strict=True):
        position = ((torch.arange(new, dtype=torch.float64) + 0.5) * old / new - 0.5).clamp(0, old - 1)
        matrices.append((1 - (position[:, None] - torch.arange(old)[None]).abs()).clamp(min=0))
    return matrices[0] @ x @ matrices[1].T


class Network:
    """A function of weights by name, with batch norm's running statistics.

    Args:
        statistics: Running means, variances and counts by name; training forwards update them.
    """

    def __init__(self, statistics):
        self.statistics = {name: value.detach().clone() for name, value in statistics.items()}

    def norm(self, w, name, x):
        """By the batch's statistics; the running ones are an average of momentum 0.1, of the unbiased variance."""
        count, state = x.numel() / x.shape[1], self.statistics
        mean = x.mean(dim=(0, 2, 3))
        centred = x - mean[:, None, None]
        variance = (centred**2).mean(dim=(0, 2, 3))
        running = dict(running_mean=mean, running_var=variance * count / (count - 1))
        for key, value in running.items():
            state[f'{name}.{key}'] = 0.9 * state[f'{name}.{key}'] + 0.1 * value.detach()
        state[f'{name}.num_batches_tracked'] = state[f'{name}.num_batches_tracked'] + 1
        scaled = centred / (variance + 1e-5).sqrt()[:, None, None]
        return scaled * w[f'{name}.weight'][:, None, None] + w[f'{name}.bias'][:, None, None]

    def __call__(self, w, image, kept=None):
        """Logits at the image's size; ``kept`` are factors of the last feature's channels, (N, C)."""

        def layer(x, conv, norm, stride=1, padding=1):
            return self.norm(w, norm, F.conv2d(x, w[f'{conv}.weight'], stride=stride, padding=padding))

        x = layer(image, 'backbone.conv1', 'backbone.bn1', stride=2, padding=3).clamp(min=0)
        x = F.max_pool2d(x, kernel_size=3, stride=2, padding=1)
        for i in range(2):
            name = f'backbone.layer1.{i}'
            y = layer(x, f'{name}.conv1', f'{name}.bn1').clamp(min=0)
            x = (x + layer(y, f'{name}.conv2', f'{name}.bn2')).clamp(min=0)
        x = layer(x, 'decode_head.convs.0.conv', 'decode_head.convs.0.bn').clamp(min=0)
        x = x if kept is None else x * kept[:, :, None, None]
        logits = F.conv2d(x, w['decode_head.conv_seg.weight'], w['decode_head.conv_seg.bias'])
        return resize(logits, image.shape[-2:])


def cross_entropy(logits, label, weight):
    """Weighted sum over the mean's pixels: those that are not ignored."""
    valid = label != IGNORED
    picked = logits.gather(1, torch.where(valid, label, 0)[:, None])[:, 0]
    return (weight * (torch.logsumexp(logits, dim=1) - picked))[valid].sum() / valid.sum()


class AdamWByHand:
    """Algorithm 2 of https://arxiv.org/abs/1711.05101: the decay is no part of the gradient.

    Heads have ten times the rate, the backbone's norms no decay.
    """

    def __init__(self, rate, decay=0.01, betas=(0.9, 0.999), eps=1e-8):
        self.rate, self.decay, self.betas, self.eps = rate, decay, betas, eps
        self.t, self.m, self.v = 0, {}, {}

    def step(self, weights, gradients):
        self.t += 1
        first, second = self.betas
        for name, gradient in gradients.items():
            rate = self.rate * (10 if name.startswith('decode_head') else 1)
            decay = 0 if name.startswith('backbone') and '.bn' in name else self.decay
            self.m[name] = first * self.m.get(name, 0) + (1 - first) * gradient
            self.v[name] = second * self.v.get(name, 0) + (1 - second) * gradient**2
            m_hat, v_hat = self.m[name] / (1 - first**self.t), self.v[name] / (1 - second**self.t)
            weights[name] = weights[name] - rate * (m_hat / (v_hat.sqrt() + self.eps) + decay * weights[name])


class MICByHand:
    """Trains the weights of a dict by the papers.

    Args:
        weights: Initial weights by name, float64.
        statistics: Initial running statistics of batch norm by name.
        scales: Mean and standard deviation of the three bands, in 0 to 255, by domain.
        form: The choices.
    """

    def __init__(self, weights, statistics, scales, form):
        self.weights = {name: value.detach().clone() for name, value in weights.items()}
        self.teacher_weights = dict(self.weights)
        self.student, self.teacher = Network(statistics), Network(statistics)
        self.scales = {
            domain: [torch.tensor(one, dtype=torch.float64)[:, None, None] for one in scale]
            for domain, scale in scales.items()
        }
        self.optimizer, self.form, self.t = AdamWByHand(form.rate), form, 0

    def normalised(self, batch, domain):
        mean, std = self.scales[domain]
        return (batch[domain] - mean) / std * ~batch[f'{domain}_missing'][:, None]

    def pseudo_labels(self, image, missing):
        """The teacher's most probable classes, (N, H, W), and q, the share of confident pixels (DACS, section 3.2)."""
        exponentials = self.teacher(self.teacher_weights, image).exp()
        confidence, label = (exponentials / exponentials.sum(dim=1, keepdim=True)).max(dim=1)
        q = ((confidence >= self.form.threshold) & ~missing).sum() / (~missing).sum().double()
        return label.where(~missing, IGNORED), q

    def pasted(self, label, scores):
        """Where the source is pasted, (N, H, W): on half of the classes, rounded up, those of the lowest scores."""
        masks = []
        for i, own in enumerate(label):
            present = set((own if self.form.classes_of == 'image' else label).flatten().tolist())
            present -= {self.form.never_drawn}
            order = sorted(present, key=lambda value: scores[i, value])
            masks.append(torch.isin(own, torch.tensor(order[: math.ceil(len(order) / 2)])))
        return torch.stack(masks)

    def recoloured(self, images, missing, draws):
        """Images of the target in other colours; two draws an image: eight numbers, and the order of changes."""
        (mean, std), changed = self.scales['target'], []
        for image, numbers, order in zip(images, draws[::2], draws[1::2], strict=True):
            jittered, _, blurred, width, *factors = numbers.tolist()
            if jittered < self.form.jittered:
                rgb = ((image * std + mean) / 255).clamp(0, 1)
                for index in order.tolist():
                    rgb = CHANGES[index](rgb, factors[index])
                image = (255 * rgb - mean) / std
            changed.append(gaussian_filter(image, 0.15 + width) if blurred < self.form.blurred else image)
        return torch.stack(changed) * ~missing[:, None]

    def hidden(self, images, draws):
        """Images with blocks of zeros (MIC, equations 4 and 5); one draw an image: a number for each block."""
        side = min(images.shape[-2:]) // SHRINKS
        kept = torch.cat(draws).repeat_interleave(side, dim=-2).repeat_interleave(side, dim=-1) > self.form.hidden
        return images * kept

    def batches(self, batch, draws):
        """What the student is trained on: image, label and weight, in the order of the names of the terms."""
        source, target = (self.normalised(batch, domain) for domain in ('source', 'target'))
        missing = [batch[f'{domain}_missing'] for domain in ('source', 'target')]
        pseudo, q = self.pseudo_labels(target, missing[1])
        found = {}
        if self.form.masked:
            image = self.recoloured(target, missing[1], draws['recoloured'])
            found['masked'] = self.hidden(image, draws['masked']), pseudo, q.expand(pseudo.shape)
        mask = self.pasted(batch['label'], draws['mixed'][0])
        image = torch.where(mask[:, None], source, target)
        image = self.recoloured(image, torch.where(mask, *missing), draws['strong'])
        found['mixed'] = image, torch.where(mask, batch['label'], pseudo), torch.where(mask, 1, q)
        found['supervised'] = source, batch['label'], torch.ones_like(mask).double()
        return found

    def step(self, batch, draws):
        """One iteration: labels, losses, AdamW, and the teacher.

        Args:
            batch: 'source' and 'target' (N, 3, H, W) in 0 to 255; 'label' (N, H, W) of the source; 'source_missing' and
                'target_missing' (N, H, W), true where there is no data.
            draws: Tensors of random numbers by name of what draws them; 'mixed', 'strong', 'recoloured', 'masked', and
                'kept by ...' for the channels that the dropout keeps in a forward, (N, C) bool.

        Returns:
            Losses by name, gradients by name.
        """
        leaves = {name: value.clone().requires_grad_() for name, value in self.weights.items()}
        losses = {}
        for name, (image, label, weight) in self.batches(batch, draws).items():
            kept = draws[f'kept by {name}'].double() / (1 - self.form.dropout)
            losses[f'{name}.decode.loss_ce'] = cross_entropy(self.student(leaves, image, kept), label, weight)
        losses['segmentor.loss'] = sum(losses.values())
        gradients = torch.autograd.grad(losses['segmentor.loss'], list(leaves.values()))
        gradients = dict(zip(leaves, gradients, strict=True))
        self.optimizer.step(self.weights, gradients)
        self.t += 1
        alpha = min(1 - 1 / (self.t + 1), self.form.alpha) if self.form.warm_up else self.form.alpha
        for name, value in self.weights.items():
            self.teacher_weights[name] = alpha * self.teacher_weights[name] + (1 - alpha) * value
        return {name: value.detach() for name, value in losses.items()}, gradients
