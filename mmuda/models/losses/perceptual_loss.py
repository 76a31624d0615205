"""Perceptual loss: the distance of two images in the features of a frozen network."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmuda.checkpoints.reading import read_checkpoint, state_dict_of
from mmuda.checkpoints.weights import resolve_weights
from mmuda.registry import MODELS
from mmuda.utils.errors import UserError

from .pixel_loss import check_same_shape

VGG16_ADDRESS = 'https://download.pytorch.org/models/vgg16-397923af.pth'
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


@MODELS.register_module()
class PerceptualLoss(nn.Module):
    """Mean squared difference of VGG-16 features (https://arxiv.org/abs/1603.08155; SRDA-Net eq. 4).

    The network is frozen and does not count among the loss's parameters: no checkpoint, optimiser or EMA sees it, but
    it follows the loss's device and dtype. Its weights are read when training starts (``init_weights``) or at the first
    call, so a model can be tested without them. Of images with more than three bands it compares the first three; one
    or two bands are compared as a grey image, their mean.

    Args:
        network: Config of the feature network. Default: VGG-16's ``features[:31]`` with its last max-pool, as in
            SRDA-Net's code. ``dict(type='VGGFeatures', width=16, out_layer=9)`` is small enough for training on a CPU.
        weights: Path or address of a state dict with the names of torchvision's vgg16 (``features.N.weight``); entries
            that the network does not have are ignored. Resolved by :func:`mmuda.checkpoints.weights.resolve_weights`.
        allow_untrained: Use random weights, drawn from ``seed`` alone, where ``weights`` is None.
        normalize: Map images from [-1, 1] to ImageNet's statistics first. SRDA-Net's code does not.
        seed: Seed of the random weights.

    Raises:
        UserError: If there are no weights and ``allow_untrained`` is False.

    Example:
        >>> narrow = dict(type='VGGFeatures', width=8, out_layer=9)
        >>> loss = PerceptualLoss(network=narrow, allow_untrained=True)
        >>> loss(image := torch.rand(1, 3, 32, 32), image)
        tensor(0.)
    """

    def __init__(
        self,
        network: dict | None = None,
        weights: str | None = None,
        allow_untrained: bool = False,
        normalize: bool = False,
        seed: int = 0,
    ) -> None:
        super().__init__()
        if weights is None and not allow_untrained:
            raise UserError(
                'PerceptualLoss has no weights; set weights to a path or address of the vgg16 state dict '
                f'({VGG16_ADDRESS}), or allow_untrained=True for a random network.'
            )
        self.weights = weights
        self.normalize = normalize
        self.register_buffer('mean', torch.tensor(IMAGENET_MEAN).view(1, 3, 1, 1), persistent=False)
        self.register_buffer('std', torch.tensor(IMAGENET_STD).view(1, 3, 1, 1), persistent=False)
        with torch.random.fork_rng(devices=[]):  # building must not change the random numbers of what is built next
            built = MODELS.build(network or dict(type='VGGFeatures'))
        if weights is None:
            built.init_he(seed)
        # A tuple hides the network from state_dict(), parameters() and children().
        self._hidden = (built.requires_grad_(False).eval(),)
        self._pending = weights is not None

    @property
    def network(self) -> nn.Module:
        """The frozen feature network."""
        return self._hidden[0]

    def _apply(self, fn: Callable, recurse: bool = True) -> PerceptualLoss:
        self.network._apply(fn)
        return super()._apply(fn, recurse)

    def init_weights(self) -> None:
        """Read the weights; called by mmengine before the first iteration.

        Raises:
            FileNotFoundError: If they are not found.
            UserError: If they do not fit the network.
        """
        if not self._pending:
            return
        path = resolve_weights(self.weights)
        state = state_dict_of(read_checkpoint(path))
        expected = self.network.state_dict()
        wrong = [k for k, v in expected.items() if k not in state or state[k].shape != v.shape]
        if wrong:
            raise UserError(
                f'{path} does not fit the network of PerceptualLoss: {", ".join(wrong)} missing or of another shape; '
                f"give weights with the names of torchvision's vgg16 ({VGG16_ADDRESS}) and the width of the network."
            )
        self.network.load_state_dict({k: state[k] for k in expected})
        self._pending = False

    def forward(self, pred: Tensor, reference: Tensor) -> Tensor:
        """Compare two images.

        Args:
            pred: Images (N, C, H, W) in [-1, 1], red, green and blue first; gradients flow into them.
            reference: Images of the same shape; no gradient.

        Returns:
            Scalar.

        Raises:
            UserError: If the shapes differ.
        """
        check_same_shape(type(self).__name__, pred, reference)
        self.init_weights()
        with torch.no_grad():
            target = self._features(reference)
        return F.mse_loss(self._features(pred), target)

    def _features(self, image: Tensor) -> Tensor:
        image = image[:, :3] if image.shape[1] >= 3 else image.mean(1, keepdim=True).expand(-1, 3, -1, -1)
        if self.normalize:
            image = ((image + 1) / 2 - self.mean) / self.std
        return self.network(image)

    def extra_repr(self) -> str:
        network = type(self.network).__name__
        return f'network={network}, weights={self.weights!r}, normalize={self.normalize}'
