"""Masked-autoencoder pretraining of a segmentor's encoder."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmuda.registry import MODELS
from mmuda.utils.errors import UserError

from .plan import Step
from .plan_executor import PlanExecutor

LOSS = 'reconstruction'
PLAN = (Step(name='autoencoder', losses=('*.autoencoder',), optimizers=('autoencoder',)),)
CHOICES = dict(upsampling=('transposed', 'bilinear'), mask=('tokens', 'pixels'), loss_on=('image', 'masked'))


def sine_positions(height: int, width: int, channels: int) -> Tensor:
    """Fixed sine and cosine encodings of a grid, (height * width, channels): half for rows, half for columns.

    Args:
        height: Rows.
        width: Columns.
        channels: A multiple of 4.
    """
    frequency = torch.exp(-math.log(10_000.0) * torch.arange(channels // 4, dtype=torch.float32) / (channels // 4))
    rows, cols = (
        torch.cat([angle.sin(), angle.cos()], dim=1)
        for angle in (torch.arange(size, dtype=torch.float32)[:, None] * frequency for size in (height, width))
    )
    return torch.cat([rows[:, None].expand(-1, width, -1), cols[None].expand(height, -1, -1)], dim=-1).flatten(0, 1)


def transformer(channels: int, depth: int, heads: int) -> nn.TransformerEncoder:
    """Pre-norm transformer blocks as in ViT, with perceptrons four times as wide and a norm at the end."""
    layer = nn.TransformerEncoderLayer(
        channels, heads, 4 * channels, dropout=0.0, activation='gelu', batch_first=True, norm_first=True
    )
    return nn.TransformerEncoder(layer, depth, norm=nn.LayerNorm(channels), enable_nested_tensor=False)


class Images:
    """The images of an iteration; nothing is shared between steps."""

    def __init__(self, images: Tensor, autocast: Callable[[], AbstractContextManager]) -> None:
        self.images = images
        self.autocast = autocast

    def detach(self) -> Images:
        """Itself."""
        return self


@MODELS.register_module()
class MaskedAutoencoder(PlanExecutor):
    """Reconstructs images that are mostly hidden (https://arxiv.org/abs/2111.06377); no labels are read.

    Low2High's form (section 4.5): a ViT whose patch embedding is a ResNet-18 followed by 2x upsampling, so that a token
    covers 16 x 16 px. Three quarters of the tokens are dropped, the rest pass through the transformer, and a lighter
    transformer reconstructs all. Pretraining is a separate run; its ``embedding`` initialises a segmentor's encoder by
    ``init_cfg=dict(type='Pretrained', checkpoint=..., prefix='embedding.')``.

    The only loss is ``reconstruction.autoencoder``, trained by the optimiser ``autoencoder``. The paper does not give
    widths and depths; the defaults are those of ViT-B and of the decoder of the masked-autoencoder paper.

    Args:
        embedding: Config of the backbone in MODELS; its last feature map is taken.
        embedding_channels: Channels of that map.
        stride: Stride of that map in pixels.
        upsample: Factor by which it is upsampled into tokens.
        upsampling: ``'transposed'``, a transposed convolution with a kernel of that factor, so that each token of a
            position has weights of its own; or ``'bilinear'`` and one linear layer, whose mixed tokens the transformer
            must separate by position; this learns far more slowly. The paper says "2x upsampling layer".
        in_channels: Channels of the images.
        channels: Width of the encoder, a multiple of 4.
        depth: Blocks of the encoder.
        heads: Attention heads of the encoder.
        decoder_channels: Width of the decoder, a multiple of 4.
        decoder_depth: Blocks of the decoder.
        decoder_heads: Attention heads of the decoder.
        mask_ratio: Share of hidden tokens, in (0, 1).
        mask: ``'tokens'`` drops tokens after the embedding; a ResNet's tokens have already seen their neighbours'
            pixels. ``'pixels'`` also blanks the hidden patches before the embedding. The paper does not say which it
            uses.
        loss_on: ``'image'`` (equation S1) or ``'masked'`` patches alone, as the masked-autoencoder paper.
        streams: Stream, or streams whose images are used together.
        plan: Steps of the update plan; None for one step.
        data_preprocessor: Config of the data preprocessor.

    Raises:
        UserError: If a choice is unknown, or a number is out of range.
    """

    default_plan = PLAN

    def __init__(
        self,
        embedding: dict,
        embedding_channels: int = 512,
        stride: int = 32,
        upsample: int = 2,
        upsampling: str = 'transposed',
        in_channels: int = 3,
        channels: int = 768,
        depth: int = 12,
        heads: int = 12,
        decoder_channels: int = 512,
        decoder_depth: int = 8,
        decoder_heads: int = 16,
        mask_ratio: float = 0.75,
        mask: str = 'tokens',
        loss_on: str = 'image',
        streams: str | Sequence[str] = ('source',),
        plan: list[dict] | None = None,
        data_preprocessor: dict | None = None,
    ) -> None:
        super().__init__(plan=plan, data_preprocessor=data_preprocessor or dict(type='UDADataPreprocessor'))
        for name, value in dict(upsampling=upsampling, mask=mask, loss_on=loss_on).items():
            if value not in CHOICES[name]:
                raise UserError(f'{name}={value!r} of MaskedAutoencoder is unknown; give one of {CHOICES[name]}.')
        fits = not (channels % 4 or decoder_channels % 4 or channels % heads or decoder_channels % decoder_heads)
        if not (0 < mask_ratio < 1 and upsample > 0 and stride % upsample == 0 and fits):
            raise UserError(
                f'MaskedAutoencoder got mask_ratio={mask_ratio}, stride={stride}, upsample={upsample}, channels='
                f'{channels} for {heads} heads and decoder_channels={decoder_channels} for {decoder_heads}; give a '
                'share between 0 and 1, an upsampling that divides the stride, and widths that 4 and the heads divide.'
            )
        self.embedding = MODELS.build(embedding)
        self.stride, self.upsample = stride, upsample
        self.patch = stride // upsample
        self.in_channels = in_channels
        self.mask_ratio, self.mask, self.loss_on = mask_ratio, mask, loss_on
        self.streams = (streams,) if isinstance(streams, str) else tuple(streams)
        if upsampling == 'transposed':
            self.to_tokens = nn.ConvTranspose2d(embedding_channels, channels, upsample, upsample)
        else:
            self.to_tokens = nn.Sequential(
                nn.Upsample(scale_factor=float(upsample), mode='bilinear'), nn.Conv2d(embedding_channels, channels, 1)
            )
        self.encoder = transformer(channels, depth, heads)
        self.to_decoder = nn.Linear(channels, decoder_channels)
        self.mask_token = nn.Parameter(torch.zeros(decoder_channels))
        self.decoder = transformer(decoder_channels, decoder_depth, decoder_heads)
        self.to_pixels = nn.Linear(decoder_channels, in_channels * self.patch**2)
        self._initialise()
        self.check_stage(self.stage)

    def _initialise(self) -> None:
        """As ViT is initialised for masked pretraining: Xavier's uniform weights, no biases."""
        nn.init.normal_(self.mask_token, std=0.02)
        for name, parameter in self.named_parameters():
            if name.startswith(('encoder.', 'to_decoder.', 'decoder.', 'to_pixels.')):
                if parameter.ndim > 1:  # attention's too, which nn.TransformerEncoder copies from one block
                    nn.init.xavier_uniform_(parameter)
                elif name.endswith('bias'):
                    nn.init.zeros_(parameter)
        # Each place of a transposed convolution's kernel is a linear layer of its own.
        places = self.to_tokens if isinstance(self.to_tokens, nn.ConvTranspose2d) else self.to_tokens[1]
        bound = math.sqrt(6 / (places.in_channels + places.out_channels))
        nn.init.uniform_(places.weight, -bound, bound)
        nn.init.zeros_(places.bias)

    @property
    def phases(self) -> dict[str, tuple[str, ...]]:
        return {LOSS: ('autoencoder',)}

    def streams_of(self, names: Sequence[str]) -> set[str]:
        return set(self.streams)

    def build_context(
        self, batch: dict, names: Sequence[str], autocast: Callable[[], AbstractContextManager]
    ) -> Images:
        return Images(torch.cat([batch[stream]['inputs'] for stream in self.streams]), autocast)

    def losses(self, term: str, phase: str, context: Images) -> dict[str, Tensor]:
        with context.autocast():
            reconstruction, hidden = self.reconstruct(context.images)
        squared = (reconstruction.float() - context.images.float()) ** 2
        shown = 1 - hidden
        of_hidden = (squared * hidden).sum() / (hidden.sum() * self.in_channels)
        loss = squared.mean() if self.loss_on == 'image' else of_hidden
        return {
            'loss': loss,
            'mse_hidden': of_hidden.detach(),
            'mse_shown': (squared * shown).sum().detach() / (shown.sum() * self.in_channels),
        }

    def reconstruct(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Hide most of each normalised image and reconstruct it.

        Args:
            images: (N, C, H, W); ``stride`` divides H and W.

        Returns:
            Reconstruction (N, C, H, W), and which pixels were hidden, (N, 1, H, W) of 0 and 1.

        Raises:
            UserError: If the size does not fit.
        """
        count, _, height, width = images.shape
        if height % self.stride or width % self.stride:
            raise UserError(
                f'MaskedAutoencoder got images of {height} x {width} px, which {self.stride} does not divide; change '
                'the crop.'
            )
        rows, cols = height // self.patch, width // self.patch
        # Drawn on the CPU, whose generators follow from seed and position.
        order = torch.rand(count, rows * cols).argsort(dim=1).to(images.device)
        kept = order[:, : max(1, round(rows * cols * (1 - self.mask_ratio)))]
        hidden = torch.ones(count, rows * cols, device=images.device).scatter(1, kept, 0.0)
        pixels = F.interpolate(hidden.view(count, 1, rows, cols), scale_factor=float(self.patch), mode='nearest')
        feature = self.embedding(images * (1 - pixels) if self.mask == 'pixels' else images)[-1]
        if feature.shape[-2:] != (height // self.stride, width // self.stride):
            raise UserError(
                f'The embedding of MaskedAutoencoder gives {feature.shape[-2]} x {feature.shape[-1]} features for '
                f'{height} x {width} px, but stride={self.stride} was given; correct it.'
            )
        tokens = self.to_tokens(feature).flatten(2).transpose(1, 2)
        tokens = tokens + sine_positions(rows, cols, tokens.shape[-1]).to(tokens)
        chosen = kept.unsqueeze(-1)
        encoded = self.to_decoder(self.encoder(tokens.gather(1, chosen.expand(-1, -1, tokens.shape[-1]))))
        blank = self.mask_token.to(encoded.dtype).expand(count, rows * cols, -1)
        decoded = blank.scatter(1, chosen.expand(-1, -1, encoded.shape[-1]), encoded)
        decoded = self.decoder(decoded + sine_positions(rows, cols, decoded.shape[-1]).to(decoded))
        patches = self.to_pixels(decoded).view(count, rows, cols, self.in_channels, self.patch, self.patch)
        return patches.permute(0, 3, 1, 4, 2, 5).reshape(count, self.in_channels, height, width), pixels

    def forward(self, inputs: Tensor, data_samples=None, mode: str = 'tensor') -> Tensor:
        """Reconstruction (N, C, H, W) of normalised images, a random part of which was hidden."""
        return self.reconstruct(inputs)[0]
