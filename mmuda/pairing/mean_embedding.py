"""Maximum mean discrepancy between patches, by mean embeddings."""

from __future__ import annotations

import math

import torch
from torch import Tensor


class MeanEmbedding:
    """Maps a patch's samples to the mean of random Fourier features, so that distances of embeddings are the MMD.

    With a Gaussian kernel ``k(a, b) = exp(-||a - b||^2 / (2 s^2))`` the squared maximum mean discrepancy of two sets is
    the squared distance of their mean embeddings; random Fourier features (Rahimi and Recht, 2007) approximate these
    embeddings, with an error that falls with the square root of the number of features. All pairs of N and M patches
    then cost one matrix product, instead of a kernel evaluation for every pair of pixels.

    Args:
        channels: Length of a sample.
        bandwidth: ``s``, in the units of the samples.
        features: Number of random features.
        seed: Seed of the features.
    """

    def __init__(self, channels: int, bandwidth: float, features: int = 1024, seed: int = 0) -> None:
        generator = torch.Generator().manual_seed(seed)
        self.frequencies = torch.randn(channels, features, generator=generator) / bandwidth
        self.phases = torch.rand(features, generator=generator) * 2 * math.pi

    def __call__(self, samples: Tensor) -> Tensor:
        """Mean features (D,) of a patch's samples (P, C)."""
        projected = samples.float() @ self.frequencies.to(samples.device) + self.phases.to(samples.device)
        return math.sqrt(2 / self.frequencies.shape[1]) * projected.cos().mean(dim=0)


def median_distance(samples: Tensor, seed: int = 0, pairs: int = 4096) -> float:
    """Median distance of random pairs of samples (P, C), the usual bandwidth; 1 if all samples are equal."""
    generator = torch.Generator().manual_seed(seed)
    first, second = (torch.randint(len(samples), (pairs,), generator=generator) for _ in range(2))
    distance = (samples[first].float() - samples[second].float()).norm(dim=1).median().item()
    return distance if distance > 0 else 1.0
