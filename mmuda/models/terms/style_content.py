"""Style and content alignment of a backbone's stages (PFR)."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from mmuda.models.losses.gram_loss import GramLoss
from mmuda.registry import TERMS
from mmuda.utils.errors import UserError

from .base import Term

STAGES = {domain: tuple(f'{domain}:features.{i}' for i in range(4)) for domain in ('source', 'target')}


@TERMS.register_module()
class StyleContentAlignment(Term):
    """Progressive feature refinement: Gram matrices and features of several stages, source against target.

    ``loss_style = sum_i ||S_i^s - S_i^t||^2`` over Gram matrices (equation 2), ``loss_content = sum_i
    ||C_i^s - C_i^t||^2`` over the features themselves (equation 3), position by position. The images are unrelated, but
    this is what the paper does; its own weight lets you switch it off.

    Args:
        source: Addresses of the source's features, by default those of four stages: ResNet's conv2_x to conv5_x.
        target: Addresses of the target's features, in the same order.
        style_weight: Factor of the style loss; 0 leaves it out.
        content_weight: Factor of the content loss; 0 leaves it out.
        normalize: Divide Gram matrices by C h w and the content by its element count; the paper gives neither.
        detach_target: Let gradients flow only into the source's features; the paper says that source features are
            matched to target ones, not whether the target's are fixed.
        loss_weight: Factor of both, lambda_pfr in equation 6.

    Raises:
        UserError: If both weights are 0, or the two lists differ in length.
    """

    def __init__(
        self,
        source: Sequence[str] = STAGES['source'],
        target: Sequence[str] = STAGES['target'],
        style_weight: float = 1.0,
        content_weight: float = 1.0,
        normalize: bool = True,
        detach_target: bool = False,
        loss_weight: float = 0.004,
    ) -> None:
        super().__init__()
        if not style_weight and not content_weight:
            raise UserError('StyleContentAlignment: style_weight and content_weight are both 0; set one, or remove it.')
        if len(source) != len(target):
            raise UserError(
                f'StyleContentAlignment compares {list(source)} with {list(target)}; give as many target features as '
                'source features.'
            )
        self.pairs = tuple(zip(source, target, strict=True))
        self.weights = dict(style=style_weight, content=content_weight)
        self.normalize = normalize
        self.detach_target = detach_target
        self.loss_weight = loss_weight
        self.gram_loss = GramLoss(normalize=normalize)

    def reads(self, phase: str) -> set[str]:
        return {address for pair in self.pairs for address in pair}

    def losses(self, phase: str, context) -> dict[str, Tensor]:
        pairs = []
        for pair in self.pairs:
            source, target = (context.tap(address) for address in pair)
            pairs.append((source, target.detach() if self.detach_target else target))
        parts = dict(style=self.gram_loss, content=self._content)
        return {
            f'loss_{name}': self.loss_weight * weight * sum(parts[name](*pair) for pair in pairs)
            for name, weight in self.weights.items()
            if weight
        }

    def _content(self, source: Tensor, target: Tensor) -> Tensor:
        if source.shape != target.shape:
            raise UserError(
                f'The content loss compares features position by position, but they have the shapes '
                f'{tuple(source.shape)} and {tuple(target.shape)}; crop both domains to one size in pixels and give '
                'equal batches, or set content_weight=0.'
            )
        difference = (source - target).square().flatten(1)
        return (difference.mean(dim=1) if self.normalize else difference.sum(dim=1)).mean()
