"""Semantic similarity of patches, and the best target of each source patch, exactly and in blocks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from mmuda.utils.errors import UserError

DEFAULT_MEMORY = 64 << 20  # bytes of working arrays; larger chunks leave the caches and are slower


@dataclass
class Matches:
    """The best target patch of each source patch.

    Attributes:
        index: (N,) int64; the smallest index in a tie; -1 where nothing could be compared.
        score: (N,) float64, higher is better; NaN where nothing could be compared.
    """

    index: np.ndarray
    score: np.ndarray

    def update(self, scores: np.ndarray, offset: int) -> None:
        """Take the scores (N, m) of the targets ``offset`` to ``offset + m - 1`` into account, in ascending order."""
        filled = np.where(np.isnan(scores), -np.inf, scores)
        best = filled.argmax(axis=1)  # the first in a tie
        value = filled[np.arange(len(filled)), best]
        better = value > np.where(np.isnan(self.score), -np.inf, self.score)
        self.index[better] = best[better] + offset
        self.score[better] = value[better]

    @classmethod
    def none_yet(cls, count: int) -> Matches:
        """No match for any of ``count`` source patches."""
        return cls(np.full(count, -1, dtype=np.int64), np.full(count, np.nan))


def encode(labels: Tensor, buffer: Tensor) -> Tensor:
    """(N, l) labels -> (N, K l) one-hot in the first columns of ``buffer`` (N, K, L); an ignored pixel is all zeros."""
    encoded = buffer[:, :, : labels.shape[1]]
    for k in range(buffer.shape[1]):  # three times faster than scattering
        encoded[:, k] = labels == k
    return encoded.flatten(1)  # a view but for the last, shorter chunk


def chunk_length(rows: int, num_classes: int, memory: int) -> int:
    """Positions per chunk, so that float32 one-hot or probability arrays of ``rows`` patches fit in ``memory``."""
    return max(64, memory // (4 * num_classes * max(rows, 1)))


def semantic_similarity(
    source: Tensor,
    target: Tensor,
    num_classes: int,
    memory: int = DEFAULT_MEMORY,
) -> np.ndarray:
    """SemSim or SemSim* of every source patch with every target patch.

    SemSim (equation 1) is the share of positions with equal labels; SemSim* (equation 2) the mean over positions of the
    probability given to the source's label. Positions ignored in either label are left out of numerator and
    denominator. The computation is one matrix product of the source's one-hot labels (N, K L) with the target's (K L,
    M), summed over chunks of positions. Sums of chunks are float64, so counts are exact and means are accurate to about
    1e-7.

    Args:
        source: Labels (N, L) uint8; values from ``num_classes`` on are ignored.
        target: Labels (M, L) uint8, or probabilities (M, K, L) of any floating dtype.
        num_classes: Number of classes K.
        memory: Bytes for working arrays, in addition to ``source``, ``target`` and the result.

    Returns:
        (N, M) float64 in [0, 1]; NaN where two patches have no position in common.

    Raises:
        UserError: If sizes do not fit.
    """
    predicted = target.ndim == 3
    if source.shape[-1] != target.shape[-1] or (predicted and target.shape[1] != num_classes):
        raise UserError(
            f'Source labels {tuple(source.shape)} and target {tuple(target.shape)} do not fit {num_classes} classes; '
            'give patches of one size, labels (N, L) and labels (M, L) or probabilities (M, K, L).'
        )
    length = chunk_length(len(source) + len(target), num_classes, memory)
    above = torch.zeros(len(source), len(target), dtype=torch.float64, device=source.device)
    below = torch.zeros(len(source), 1 if predicted else len(target), dtype=torch.float64, device=source.device)
    length = min(length, source.shape[1])
    # Allocated once: fresh memory for every chunk costs more than the product.
    our_buffer, their_buffer = (
        torch.empty(len(rows), num_classes, length, device=source.device) for rows in (source, target)
    )
    for start in range(0, source.shape[1], length):
        labels = source[:, start : start + length]
        ours = encode(labels, our_buffer)
        if predicted:
            part = target[..., start : start + length]
            theirs = their_buffer[..., : part.shape[2]].copy_(part).flatten(1)
            below += (labels < num_classes).sum(dim=1, keepdim=True)
        else:
            other = target[:, start : start + length].to(source.device)
            theirs = encode(other, their_buffer)
            below += (labels < num_classes).float() @ (other < num_classes).float().T
        above += ours @ theirs.T
    return torch.where(below > 0, above / below, torch.nan).cpu().numpy()
