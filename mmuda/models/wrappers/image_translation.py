"""CycleGAN: images of one domain in the look of the other."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager

import torch
from mmengine.model import ModuleDict
from mmseg.structures import SegDataSample
from torch import Tensor

from mmuda.models.uncounted import refuse_uncounted
from mmuda.registry import MODELS
from mmuda.utils.errors import UserError

from .image_pool import ImagePool
from .plan import Step
from .plan_executor import PlanExecutor

DOMAINS = ('source', 'target')
GENERATOR_LOSSES = ('adversarial', 'cycle', 'identity')
PLAN = (
    Step(name='generator', losses=('*.generator',), optimizers=('generator',)),
    Step(name='discriminator', losses=('*.discriminator',), optimizers=('discriminator',), detach=True),
)


def other(domain: str) -> str:
    """The opposite domain."""
    return DOMAINS[1 - DOMAINS.index(domain)]


def _at_least_float32(tensor: Tensor) -> Tensor:
    return tensor.float() if tensor.dtype in (torch.float16, torch.bfloat16) else tensor


class TranslationContext:
    """The forwards of an iteration: each translated image is made once.

    Args:
        model (ImageTranslation): The model with the generators.
        images: Images (N, C, H, W) by domain.
        autocast: Creates the mixed-precision context of the forwards.
        fakes: Translated images that already exist, by the domain they look like.
    """

    def __init__(
        self,
        model,
        images: dict[str, Tensor],
        autocast: Callable[[], AbstractContextManager],
        fakes: dict[str, Tensor] | None = None,
    ) -> None:
        self.images = images
        self._model = model
        self._autocast = autocast
        self._fakes = dict(fakes or {})

    def fake(self, domain: str) -> Tensor:
        """The other domain's images in the look of ``domain``."""
        if domain not in self._fakes:
            self._fakes[domain] = self.translate(self.images[other(domain)], domain)
        return self._fakes[domain]

    def translate(self, image: Tensor, domain: str) -> Tensor:
        """An image in the look of ``domain``."""
        with self._autocast():
            return _at_least_float32(self._model.generators[domain](image))

    def judge(self, image: Tensor, domain: str) -> Tensor:
        """Logits of ``domain``'s discriminator."""
        with self._autocast():
            return _at_least_float32(self._model.discriminators[domain](image))

    def detach(self) -> TranslationContext:
        """The same without graph."""
        fakes = {domain: fake.detach() for domain, fake in self._fakes.items()}
        return TranslationContext(self._model, self.images, self._autocast, fakes)


@MODELS.register_module()
class ImageTranslation(PlanExecutor):
    """CycleGAN (https://arxiv.org/abs/1703.10593): two generators, two discriminators; no labels are read.

    ``adversarial.generator`` makes translated images pass for real ones (equation 1), ``cycle.generator`` brings a
    twice translated image back (equation 2), ``identity.generator`` leaves an image of a generator's own domain as it
    is (section 5.2); ``source.discriminator`` and ``target.discriminator`` tell real images of a domain (1) from
    translated ones (0). The default plan trains both generators, then both discriminators, by the optimisers
    ``generator`` and ``discriminator``.

    Args:
        generator: Config of both generators in MODELS; ``generators.target`` translates source images.
        discriminator: Config of both discriminators; (N, C, H, W) to logits.
        loss: Config of the GAN loss; least squares by default.
        adversarial_weight: Factor of the adversarial loss.
        cycle_weight: lambda, 10 in both papers.
        identity_weight: Factor of the identity loss: 0.5 lambda in CycleGAN, 1 in semantic pairing.
        identity_every: Compute it only every n-th iteration; 10 in semantic pairing.
        discriminator_weight: Factor of each discriminator's loss; 0.5 as in the authors' code.
        pool: ``dict(size=50, image_shape=(C, H, W))``, a history of translated images for the discriminators; None
            shows them the latest images only.
        plan: Steps of the update plan; None updates the generators, then the discriminators.
        data_preprocessor: Config of the data preprocessor. Its statistics decide what 0 and 1 mean: with a last layer
            of ReLU ``mean=0, std=255`` gives images in [0, 1].
    """

    default_plan = PLAN

    def __init__(
        self,
        generator: dict,
        discriminator: dict,
        loss: dict | None = None,
        adversarial_weight: float = 1.0,
        cycle_weight: float = 10.0,
        identity_weight: float = 1.0,
        identity_every: int = 1,
        discriminator_weight: float = 0.5,
        pool: dict | None = None,
        plan: list[dict] | None = None,
        data_preprocessor: dict | None = None,
    ) -> None:
        refuse_uncounted(dict(type=type(self), generator=generator, discriminator=discriminator))
        super().__init__(plan=plan, data_preprocessor=data_preprocessor or dict(type='UDADataPreprocessor'))
        if getattr(self.data_preprocessor, 'streams', None):
            raise UserError(
                'ImageTranslation maps values of one domain to values of the other, so both need the same mean and '
                'std: leave `streams` out of its data_preprocessor.'
            )
        self.generators = ModuleDict({domain: MODELS.build(generator) for domain in DOMAINS})
        self.discriminators = ModuleDict({domain: MODELS.build(discriminator) for domain in DOMAINS})
        self.gan_loss = MODELS.build(loss or dict(type='GANLoss', gan_type='lsgan'))
        self.weights = dict(adversarial=adversarial_weight, cycle=cycle_weight, identity=identity_weight)
        self.identity_every = identity_every
        self.discriminator_weight = discriminator_weight
        self.pools = None if pool is None else ModuleDict({d: ImagePool(name=d, **pool) for d in DOMAINS})
        self.check_stage(self.stage)

    @classmethod
    def channels_from(cls, cfg: Mapping) -> dict[str, tuple[str, ...]]:
        """The discriminators judge images; see :meth:`mmuda.models.terms.Term.channels_from`."""
        return {'discriminator.in_channels': tuple(f'{domain}:image' for domain in DOMAINS)}

    @property
    def phases(self) -> dict[str, tuple[str, ...]]:
        weighed = [name for name in GENERATOR_LOSSES if self.weights[name]]
        return {**dict.fromkeys(weighed, ('generator',)), **dict.fromkeys(DOMAINS, ('discriminator',))}

    def streams_of(self, names: Sequence[str]) -> set[str]:
        return set(DOMAINS)

    def build_context(
        self, batch: dict, names: Sequence[str], autocast: Callable[[], AbstractContextManager]
    ) -> TranslationContext:
        return TranslationContext(self, {domain: batch[domain]['inputs'] for domain in DOMAINS}, autocast)

    def losses(self, term: str, phase: str, context: TranslationContext) -> dict[str, Tensor]:
        return self._discriminate(term, context) if phase == 'discriminator' else getattr(self, f'_{term}')(context)

    def _adversarial(self, context: TranslationContext) -> dict[str, Tensor]:
        return {
            f'loss_{domain}': self.weights['adversarial']
            * self.gan_loss(context.judge(context.fake(domain), domain), True, is_disc=False)
            for domain in DOMAINS
        }

    def _cycle(self, context: TranslationContext) -> dict[str, Tensor]:
        return {
            f'loss_{domain}': self.weights['cycle']
            * (context.translate(context.fake(other(domain)), domain) - context.images[domain]).abs().mean()
            for domain in DOMAINS
        }

    def _identity(self, context: TranslationContext) -> dict[str, Tensor]:
        if self.iteration % self.identity_every:
            return {}
        return {
            f'loss_{domain}': self.weights['identity']
            * (context.translate(context.images[domain], domain) - context.images[domain]).abs().mean()
            for domain in DOMAINS
        }

    def _discriminate(self, domain: str, context: TranslationContext) -> dict[str, Tensor]:
        fake = context.fake(domain).detach()
        if self.pools is not None:
            fake = self.pools[domain].exchange(fake, self.iteration)
        real_logits, fake_logits = context.judge(context.images[domain], domain), context.judge(fake, domain)
        loss = self.gan_loss(real_logits, True, is_disc=True) + self.gan_loss(fake_logits, False, is_disc=True)
        middle = self.gan_loss.decision_threshold
        return {
            'loss_discriminator': self.discriminator_weight * loss,
            'acc_real': (real_logits.detach() > middle).float().mean(),
            'acc_fake': (fake_logits.detach() <= middle).float().mean(),
        }

    def forward(self, inputs: Tensor, data_samples=None, mode: str = 'tensor', domain: str = 'target') -> Tensor:
        """Normalised images (N, C, H, W) in the look of ``domain``."""
        return self.generators[domain](inputs)

    @torch.no_grad()
    def translate(self, images: Tensor, domain: str = 'target') -> Tensor:
        """Images (N, C, H, W) in [0, 255] in the look of ``domain``, in [0, 255].

        Args:
            images: Of the other domain, as rasters give them (red, green, blue).
            domain: ``'target'`` or ``'source'``.
        """
        origin = 'source' if domain == 'target' else 'target'
        samples = [SegDataSample(metainfo=dict(channel_order='RGB')) for _ in images]
        batch = self.data_preprocessor({origin: dict(inputs=list(images), data_samples=samples)})
        inputs = batch[origin]['inputs']
        return self.data_preprocessor.to_pixels(self.generators[domain](inputs), domain).clamp(0, 255)
