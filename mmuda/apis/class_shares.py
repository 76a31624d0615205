"""Shifts the logits of a trained segmentor, so that each class takes its share of the target."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from numbers import Real

import numpy as np
import torch
import torch.nn.functional as F
from scipy.optimize import minimize
from scipy.special import logsumexp, softmax
from torch import Tensor, nn

from mmuda.structures import IGNORE_INDEX
from mmuda.utils.errors import UserError

PIXELS = 200_000
"""Pixels on which the shift is computed."""
TEMPERATURES = (1.0, 0.3, 0.1, 0.03, 0.01)
RARE = 1e-6
"""Below this share a class is left out: nothing is to be predicted as it."""


def shift_for_shares(log_prob: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """What to add to the logits of each class, so that the most probable classes have given shares.

    Of all ways to give each pixel a class with these shares, the shifted predictions are the most probable one: the
    shift is the dual solution of that optimal transport problem, the minimum over b of

        mean_i max_k (log p_ik + b_k) - sum_k shares_k b_k

    (semi-discrete optimal transport; with two classes, the quantile of the log odds). The maximum is smoothed by a
    temperature that goes down to 0.01.

    Args:
        log_prob: Logarithms (M, K) of the probabilities of M pixels.
        shares: Share of each class (K,), in [0, 1], with sum 1. A class of which nothing is expected gets the smallest
            shift of all, and the others share all pixels.

    Returns:
        (K,), with mean 0 over the classes that are expected.
    """
    expected = shares > RARE
    log_prob, wanted = log_prob[:, expected], shares[expected] / shares[expected].sum()
    shift = np.zeros(len(wanted))
    for temperature in TEMPERATURES:

        def dual(values: np.ndarray, temperature: float = temperature) -> tuple[float, np.ndarray]:
            scaled = (log_prob + values) / temperature
            smooth = temperature * logsumexp(scaled, axis=1).mean() - wanted @ values
            return smooth, softmax(scaled, axis=1).mean(axis=0) - wanted

        shift = minimize(dual, shift, jac=True, method='L-BFGS-B', options=dict(maxiter=200)).x
    shift -= shift.mean()
    result = np.full(len(shares), shift.min())
    result[expected] = shift
    return result


def refuse_shares(shares: Sequence[float] | None, classes: Sequence[str] | None = None) -> None:
    """Refuse shares that are none.

    Args:
        shares: The shares; None is accepted.
        classes: Names of the classes; None if they are not known.

    Raises:
        UserError: One is not in [0, 1], their sum is not 1, or they are not one for each class.
    """
    if shares is None:
        return
    numbers = not isinstance(shares, str) and all(isinstance(share, Real) for share in shares)
    if not numbers or not all(0 <= share <= 1 for share in shares):
        raise UserError(f'class_shares={shares!r}: give the share of each class in the target, numbers from 0 to 1')
    if not math.isclose(sum(shares), 1, abs_tol=0.01):
        raise UserError(
            f'class_shares={[float(share) for share in shares]} have the sum {sum(shares):.3f}; give the share of each '
            'class in the target, with the sum 1'
        )
    if classes and len(shares) != len(classes):
        raise UserError(
            f'class_shares={[float(share) for share in shares]} are {len(shares)} shares, but there are {len(classes)} '
            f'classes ({", ".join(classes)}); give one each'
        )


@torch.no_grad()
def match_class_shares(
    network: nn.Module, read: Callable[[], Iterable], shares: Sequence[float] | None, config: str
) -> dict:
    """Shift the logits of a network, so that its predictions on target images have given class shares.

    Args:
        network: A segmentor in evaluation mode. The bias of the convolution that gives its logits changes.
        read: Gives batches: images (N, C, H, W) of the target, the pixels that hold data (N, 1, H, W) or None for all,
            and labels (N, 1, H, W) of the source or None.
        shares: Expected share of each class; None takes those of the source's labels.
        config: File that errors name.

    Returns:
        ``shares`` expected, predicted ``before``, ``shift`` of each logit, and the number of ``batches``.

    Raises:
        UserError: If the number of shares is not that of the classes, there is no label to count, or the network's
            logits cannot be shifted.
    """
    found, counts, used = [], 0, 0
    generator = torch.Generator().manual_seed(0)
    for images, valid, labels in read():
        logits = _logits(network, images, config)
        classes = logits.shape[1]
        pixels = logits.float().log_softmax(dim=1).movedim(1, -1)  # (N, h, w, K)
        if valid is not None:
            pixels = pixels[F.interpolate(valid.float(), pixels.shape[1:3])[:, 0] > 0]
        found.append(pixels.reshape(-1, classes).cpu())
        if labels is not None:
            counts = counts + torch.bincount(labels[labels != IGNORE_INDEX].flatten().long(), minlength=classes).cpu()
        used += 1
    pixels = torch.cat(found)
    pixels = pixels[torch.randperm(len(pixels), generator=generator)[:PIXELS]].double().numpy()
    expected = _expected(shares, counts, pixels.shape[1], config)
    shift = shift_for_shares(pixels, expected)
    _shift_logits(network, torch.from_numpy(shift).float(), images, config)
    before = np.bincount(pixels.argmax(axis=1), minlength=len(shift)) / len(pixels)
    return dict(shares=expected.tolist(), before=before.tolist(), shift=shift.tolist(), batches=used)


def _logits(network: nn.Module, images: Tensor, config: str) -> Tensor:
    """(N, K, h, w)"""
    logits = network(images, mode='tensor')
    if not isinstance(logits, Tensor) or logits.ndim != 4 or logits.shape[1] < 2:
        raise UserError(
            f'{type(network).__name__} of config {config} does not give one logit for each of two classes or more '
            '(out_channels=2), so its class shares cannot be matched; leave out the step class_shares'
        )
    return logits


def _expected(shares: Sequence[float] | None, counts: Tensor | int, classes: int, config: str) -> np.ndarray:
    if shares is not None:
        if len(shares) != classes:
            raise UserError(f'{len(shares)} shares were given, but the segmentor has {classes} classes; give one each')
        return np.array(shares, dtype=float) / sum(shares)
    total = int(counts.sum()) if isinstance(counts, Tensor) else 0
    if total == 0 or len(counts) != classes:
        raise UserError(
            f'config {config} has no labels of the source to count, or labels of other classes; give the share of each '
            'class in the target (shares)'
        )
    return counts.double().numpy() / total


def _shift_logits(network: nn.Module, shift: Tensor, images: Tensor, config: str) -> None:
    """Add the shift to the bias of the convolution that gives the logits, and see that they follow."""
    plain = _logits(network, images, config)
    wanted = plain + shift.to(plain)[:, None, None]
    for module in reversed(list(network.modules())):
        if not isinstance(module, nn.Conv2d) or module.bias is None or module.out_channels != len(shift):
            continue
        bias = module.bias.detach().clone()
        module.bias += shift.to(bias)
        if torch.allclose(_logits(network, images, config), wanted, rtol=1e-3, atol=1e-3):
            return
        module.bias.copy_(bias)
    raise UserError(
        f'{type(network).__name__} of config {config} has no last convolution with a bias, so its class shares cannot '
        'be matched; leave out the step class_shares'
    )
