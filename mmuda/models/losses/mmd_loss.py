"""Maximum mean discrepancy between two sets of feature vectors."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from mmuda.registry import MODELS
from mmuda.utils.errors import UserError


@MODELS.register_module()
class MMDLoss(nn.Module):
    """Squared maximum mean discrepancy with Gaussian kernels (Gretton et al., 2012, equation 5, the biased estimate).

    ``mean k(x, x') + mean k(y, y') - 2 mean k(x, y)`` with ``k(a, b) = mean_f exp(-||a - b||^2 / (f * h))``, where the
    bandwidth ``h`` is the mean squared distance of all pairs (no gradient flows into it) and the factors ``f`` widen
    and narrow it, as in deep adaptation networks (https://arxiv.org/abs/1502.02791).

    Args:
        factors: Multiples of the bandwidth.
        max_vectors: Number of vectors used from each side, drawn at random without replacement; the cost grows with its
            square. None uses all.

    Raises:
        UserError: If ``factors`` is empty or not positive.
    """

    def __init__(
        self,
        factors: Sequence[float] = (0.25, 0.5, 1.0, 2.0, 4.0),
        max_vectors: int | None = 1024,
    ) -> None:
        super().__init__()
        if not factors or min(factors) <= 0:
            raise UserError(f'MMDLoss: factors={tuple(factors)}; give at least one, all above 0.')
        self.factors = tuple(factors)
        self.max_vectors = max_vectors

    def forward(self, source: Tensor, target: Tensor) -> Tensor:
        """Compare two feature maps.

        Args:
            source: Features (N, C, h, w).
            target: Features (M, C, h', w'); other sizes are fine, positions do not matter.

        Returns:
            Scalar, at least 0 up to rounding.

        Raises:
            UserError: If the numbers of channels differ.
        """
        if source.shape[1] != target.shape[1]:
            raise UserError(
                f'MMDLoss got features with {source.shape[1]} and {target.shape[1]} channels; read the same tap of '
                'both domains.'
            )
        x, y = self._vectors(source), self._vectors(target)
        both = torch.cat([x, y])
        distances = torch.cdist(both, both, compute_mode='donot_use_mm_for_euclid_dist').square()
        count = len(both)
        bandwidth = distances.detach().sum() / (count * (count - 1))
        scaled = distances / bandwidth.clamp_min(torch.finfo(distances.dtype).tiny)
        kernel = sum(torch.exp(-scaled / factor) for factor in self.factors) / len(self.factors)
        n = len(x)
        return kernel[:n, :n].mean() + kernel[n:, n:].mean() - 2 * kernel[:n, n:].mean()

    def _vectors(self, features: Tensor) -> Tensor:
        vectors = features.movedim(1, -1).reshape(-1, features.shape[1])
        if self.max_vectors is None or len(vectors) <= self.max_vectors:
            return vectors
        return vectors[torch.randperm(len(vectors), device=vectors.device)[: self.max_vectors]]
