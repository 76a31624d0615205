"""SRDA-Net (https://arxiv.org/abs/2005.06382) once more, from its equations, in plain torch.

Nothing of mmuda or mmseg is used: networks are functions of a dict of weights by name, losses and Adam are written
out. The tests of the optimisation step compare mmuda with it. Equation numbers are the paper's.
"""

from dataclasses import dataclass, field

import torch
import torch.nn.functional as F

IGNORED = 255
E, R, S = 'segmentor.backbone', 'segmentor.sr_head', 'segmentor.decode_head'
PDC, ODC = 'terms.pixel.discriminator', 'terms.output.discriminator'
# VGG-16: convolutions of each stage; a ReLU follows each, a max-pool each stage.
VGG_STAGES = (2, 2, 3, 3, 3)


@dataclass
class Form:
    """The switches in which the paper, its text and the authors' code differ."""

    alpha: float = 5.0
    beta: float = 10.0
    down: str = 'nearest'
    detach: bool = True
    discriminator_weight: float = 0.5
    moves: str = 'target'
    perceptual_target: float = 0.0
    variation_target: float = 0.0
    vgg_layers: int = 9
    # Learning rates by stage: of the generator, of the discriminators.
    rates: dict = field(default_factory=dict)


# Resampling, as products with matrices.


def nearest_matrix(new: int, old: int) -> torch.Tensor:
    matrix = torch.zeros(new, old, dtype=torch.float64)
    for i in range(new):
        matrix[i, i * old // new] = 1
    return matrix


def bilinear_matrix(new: int, old: int) -> torch.Tensor:
    """Corners aligned: pixel i lies at i (old - 1) / (new - 1)."""
    position = torch.arange(new, dtype=torch.float64) * (old - 1) / (new - 1)
    return (1 - (position[:, None] - torch.arange(old)[None]).abs()).clamp(min=0)


def bicubic_matrix(new: int, old: int) -> torch.Tensor:
    """Keys' kernel with a = -1/2, widened by the ratio where the image shrinks (antialiasing), normalised."""
    ratio = old / new
    centre = (torch.arange(new, dtype=torch.float64) + 0.5) * ratio
    x = ((torch.arange(old)[None] + 0.5 - centre[:, None]) / max(ratio, 1)).abs()
    near, far = 1.5 * x**3 - 2.5 * x**2 + 1, -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2
    weight = torch.where(x < 1, near, torch.where(x < 2, far, torch.zeros_like(x)))
    return weight / weight.sum(dim=1, keepdim=True)


MATRICES = {'nearest': nearest_matrix, 'bilinear': bilinear_matrix, 'bicubic': bicubic_matrix}


def resize(x, size, mode='bilinear'):
    rows, columns = (MATRICES[mode](new, old) for new, old in zip(size, x.shape[-2:], strict=True))
    return rows @ x @ columns.T


# Layers.


def leaky(x, slope):
    return torch.where(x > 0, x, slope * x)


def conv(w, name, x, stride=1, padding=0, dilation=1):
    return F.conv2d(x, w[f'{name}.weight'], w.get(f'{name}.bias'), stride, padding, dilation)


def deconv(w, name, x):
    """A transposed 3x3 convolution of stride 2, padding 1, output padding 1: zeros between pixels, then a convolution
    with the mirrored kernel."""
    n, c, height, width = x.shape
    spread = x.new_zeros(n, c, 2 * height, 2 * width)
    spread[..., ::2, ::2] = x
    kernel = w[f'{name}.weight'].flip(-2, -1).transpose(0, 1)
    return F.conv2d(spread, kernel, w[f'{name}.bias'], padding=1)


def instance_norm(x):
    mean = x.mean(dim=(2, 3), keepdim=True)
    variance = ((x - mean) ** 2).mean(dim=(2, 3), keepdim=True)
    return (x - mean) / (variance + 1e-5).sqrt()


def softmax(logits):
    return (logits - torch.logsumexp(logits, dim=1, keepdim=True)).exp()


# Networks.


def res_block(w, name, x):
    return x + conv(w, f'{name}.conv2', leaky(conv(w, f'{name}.conv1', x, padding=1), 0.1), padding=1)


def res_aspp(w, name, x):
    total = b = x
    for k in range(3):
        branches = [
            leaky(conv(w, f'{name}.pyramids.{k}.{i}.0', b, padding=d, dilation=d), 0.1) for i, d in enumerate((1, 4, 8))
        ]
        b = conv(w, f'{name}.merges.{k}', torch.cat(branches, dim=1))
        total = total + b
    return total


def extractor(w, image):
    """E."""
    x = image
    for i in (0, 2, 4):
        x = leaky(conv(w, f'{E}.stem.{i}', x, padding=1), 0.1)
    x = F.max_pool2d(x, kernel_size=3, stride=2, padding=1)
    for i, block in enumerate((res_block, res_aspp, res_block, res_aspp, res_block)):
        x = block(w, f'{E}.blocks.{i}', x)
    return x


def upsampled(w, feature):
    """The two upsampled features of R, which S reads too."""
    first = deconv(w, f'{R}.up1.0', feature).clamp(min=0)
    return first, deconv(w, f'{R}.up2.0', first).clamp(min=0)


def super_resolved(w, ups, size):
    """R."""
    return torch.tanh(resize(conv(w, f'{R}.to_image', ups[1], padding=4), size))


def segmented(w, feature, ups):
    """S: logits at twice the input's size."""
    x = conv(w, f'{S}.fuse1', torch.cat([resize(feature, ups[0].shape[-2:]), ups[0]], dim=1), padding=1)
    x = conv(w, f'{S}.fuse2', torch.cat([resize(x, ups[1].shape[-2:]), ups[1]], dim=1), padding=1)
    return conv(w, f'{S}.conv_seg', x, padding=4)


def pixel_classifier(w, image):
    """PDC, PatchGAN."""
    x = leaky(conv(w, f'{PDC}.layers.0', image, stride=2, padding=1), 0.2)
    for layer, stride in ((2, 2), (5, 2), (8, 1)):
        x = leaky(instance_norm(conv(w, f'{PDC}.layers.{layer}', x, stride=stride, padding=1)), 0.2)
    return conv(w, f'{PDC}.layers.11', x, padding=1)


def output_classifier(w, prob):
    """ODC."""
    x = prob
    for layer in (0, 2, 4, 6):
        x = leaky(conv(w, f'{ODC}.layers.{layer}', x, stride=2, padding=1), 0.2)
    return conv(w, f'{ODC}.layers.8', x, stride=2, padding=1)


def vgg(w, image, layers):
    """The first ``layers`` layers of VGG-16's convolutional part."""
    x, kinds = image, [kind for count in VGG_STAGES for kind in ('conv', 'relu') * count + ('pool',)]
    for i, kind in enumerate(kinds[:layers]):
        if kind == 'conv':
            x = conv(w, f'features.{i}', x, padding=1)
        else:
            x = x.clamp(min=0) if kind == 'relu' else F.max_pool2d(x, kernel_size=2, stride=2)
    return x


# Losses.


def cross_entropy(logits, label):
    """Mean over the pixels that are not ignored, after the logits are resized to the label."""
    logits = resize(logits, label.shape[-2:])
    valid = label != IGNORED
    picked = logits.gather(1, torch.where(valid, label, 0)[:, None])[:, 0]
    return (torch.logsumexp(logits, dim=1) - picked)[valid].sum() / valid.sum()


def mean_square(x, y):
    return ((x - y) ** 2).mean()


def total_variation(x):
    """As the authors' code: twice the mean squared difference of neighbours, down plus across."""
    return 2 * mean_square(x[:, :, 1:], x[:, :, :-1]) + 2 * mean_square(x[:, :, :, 1:], x[:, :, :, :-1])


def bce(logits, label):
    """-log sigmoid(x) towards 1, -log(1 - sigmoid(x)) towards 0."""
    return torch.logaddexp(torch.zeros_like(logits), -logits if label else logits).mean()


class AdamByHand:
    """Adam (Kingma and Ba, Algorithm 1) with the weight decay added to the gradient."""

    def __init__(self, rate, weight_decay=5e-4, betas=(0.9, 0.999), eps=1e-8):
        self.rate, self.weight_decay, self.betas, self.eps = rate, weight_decay, betas, eps
        self.state = {}

    def step(self, weights, gradients):
        for name, gradient in gradients.items():
            gradient = gradient + self.weight_decay * weights[name]
            t, m, v = self.state.get(name, (0, 0.0, 0.0))
            t, m = t + 1, self.betas[0] * m + (1 - self.betas[0]) * gradient
            v = self.betas[1] * v + (1 - self.betas[1]) * gradient**2
            self.state[name] = t, m, v
            m_hat, v_hat = m / (1 - self.betas[0] ** t), v / (1 - self.betas[1] ** t)
            weights[name] = weights[name] - self.rate * m_hat / (v_hat.sqrt() + self.eps)


class SRDANetByHand:
    """Trains the weights of a dict by the paper's equations.

    Args:
        weights: Initial weights by name, float64.
        vgg_weights: Weights of the perceptual network by name.
        form: The switches.
    """

    def __init__(self, weights, vgg_weights, form):
        self.weights = {name: value.detach().clone() for name, value in weights.items()}
        self.vgg_weights, self.form = vgg_weights, form
        # A stage is a run of its own: its optimisers start afresh.
        self.optimizers = {stage: tuple(map(AdamByHand, rates)) for stage, rates in form.rates.items()}

    def perceptual(self, image, reference):
        layers = self.form.vgg_layers
        return mean_square(vgg(self.vgg_weights, image, layers), vgg(self.vgg_weights, reference, layers))

    def forwards(self, w, batch):
        """Everything that the losses read. Images in [-1, 1]."""
        size, coarse = batch['target_fine'].shape[-2:], batch['source'].shape[-2:]
        out = {}
        for domain in ('source', 'target'):
            feature = extractor(w, batch[domain])
            ups = upsampled(w, feature)
            out[f'{domain}_feature'] = feature
            out[f'{domain}_image'] = super_resolved(w, ups, size)
            out[f'{domain}_logits'] = segmented(w, feature, ups)
        image = out['source_image'].detach() if self.form.detach else out['source_image']
        feature = extractor(w, resize(image, coarse, self.form.down))
        out['back_feature'], out['back_logits'] = feature, segmented(w, feature, upsampled(w, feature))
        return out

    def generator_losses(self, w, out, batch, stage):
        form, losses = self.form, {}
        # (3), and the two terms that the code adds
        losses['identity_target.loss'] = form.beta * mean_square(out['target_image'], batch['target_fine'])
        if form.perceptual_target:
            value = self.perceptual(out['target_image'], batch['target_fine'])
            losses['identity_target_perceptual.loss'] = form.beta * form.perceptual_target * value
        if form.variation_target:
            value = total_variation(out['target_image'])
            losses['total_variation.loss'] = form.beta * form.variation_target * value
        # (4), (5)
        value = self.perceptual(out['source_image'], batch['source_fine'])
        losses['identity_source.loss'] = form.beta * value
        distance = (out['back_feature'] - out['source_feature']).abs().mean()
        losses['fixed_point.loss'] = form.beta * 0.5 * distance
        # (9); its part on real images is a constant to the generator
        losses['pixel.loss_adversarial'] = ((pixel_classifier(w, out['source_image']) - 1) ** 2).mean()
        if stage == 'joint':
            # (2)
            losses['supervised.decode.loss_ce'] = form.alpha * cross_entropy(out['source_logits'], batch['label'])
            losses['fed_back.decode.loss_ce'] = form.alpha * cross_entropy(out['back_logits'], batch['label'])
            # (15) to (19): the target becomes 0, the source's label
            value = bce(output_classifier(w, softmax(out['target_logits'])), 0)
            if form.moves == 'both':
                value = value + bce(output_classifier(w, softmax(out['source_logits'])), 1)
            losses['output.loss_adversarial'] = value
        return losses

    def discriminator_losses(self, w, out, batch, stage):
        # (10): real target images 1, super-resolved source images 0
        real, fake = pixel_classifier(w, batch['target_fine']), pixel_classifier(w, out['source_image'])
        losses = {'pixel': ((real - 1) ** 2).mean() + (fake**2).mean()}
        if stage == 'joint':
            # (18): source 0, target 1
            source, target = (output_classifier(w, softmax(out[f'{d}_logits'])) for d in ('source', 'target'))
            losses['output'] = bce(source, 0) + bce(target, 1)
        return {f'{name}.loss_discriminator': self.form.discriminator_weight * x for name, x in losses.items()}

    def step(self, batch, stage):
        """Update in turns (21), (22) in the stage 'pretrain', (23), (24) in 'joint'.

        Both discriminators see what the generator made before it was updated.

        Args:
            batch: Images in [-1, 1]: 'source' and 'target' (N, 3, h, w), 'source_fine' and 'target_fine'
                (N, 3, H, W); 'label' (N, H, W) of the source.
            stage: 'pretrain' or 'joint'.

        Returns:
            Losses by name, gradients by name (what is not trained has none).
        """
        trained = {'pretrain': ((E, R), (PDC,)), 'joint': ((E, R, S), (PDC, ODC))}[stage]
        leaves = {name: value.clone().requires_grad_() for name, value in self.weights.items()}
        out = self.forwards(leaves, batch)
        generator = self.generator_losses(leaves, out, batch, stage)
        fixed = {name: value.detach() for name, value in out.items()}
        discriminator = self.discriminator_losses(leaves, fixed, batch, stage)
        log, gradients = {**generator, **discriminator}, {}
        for key, losses, networks, optimizer in zip(
            ('segmentor', 'discriminator'), (generator, discriminator), trained, self.optimizers[stage], strict=True
        ):
            log[f'{key}.loss'] = sum(losses.values())
            names = [name for name in leaves if name.startswith(networks)]
            values = torch.autograd.grad(log[f'{key}.loss'], [leaves[name] for name in names])
            gradients.update(zip(names, values, strict=True))
            optimizer.step(self.weights, {name: gradients[name] for name in names})
        return {name: value.detach() for name, value in log.items()}, gradients

    def predict(self, image, size):
        """Logits on the grid of a tile from the downsampled tile, and the classes."""
        feature = extractor(self.weights, image)
        logits = resize(segmented(self.weights, feature, upsampled(self.weights, feature)), size)
        return logits, logits.argmax(dim=1, keepdim=True)
