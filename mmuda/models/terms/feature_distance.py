"""The distance of the segmentor's features from those of the pretrained encoder (DAFormer)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from mmuda.checkpoints.bands import take_any_bands
from mmuda.registry import MODELS, TERMS
from mmuda.structures import split_tap
from mmuda.utils.errors import UserError

from .base import Term


@TERMS.register_module()
class FeatureDistance(Term):
    """Keeps features of some classes near those of the encoder's pretraining (arXiv 2111.14887, equations 9 to 11).

    The loss is the Euclidean distance over channels between the last feature maps of the segmentor and of the frozen
    encoder, averaged over the positions where at least ``min_share`` of the label's pixels are of one of the classes;
    0 where there is none. It is meant for things that ImageNet knows; aerial imagery has hardly any.

    The encoder has no part in checkpoints, optimisers and the moving average. It reads its weights from
    ``init_cfg`` when training starts, also when a run is resumed, so that a resumed run has the same.

    Args:
        encoder: Config of the backbone, usually ``_base_.model.segmentor.backbone``, with an ``init_cfg`` that names
            the weights.
        classes: Indices of the classes.
        features: Address of the segmentor's feature map, which must be what the encoder's last one is.
        image: Address of the image that the feature map is of; the tap ``context.image`` of :class:`HRDA`.
        min_share: Least share of one class, above 0.5.
        loss_weight: Factor of the loss.

    Raises:
        UserError: If the encoder has no pretrained weights, there are no classes, or the share is not in (0.5, 1].
    """

    def __init__(
        self,
        encoder: dict,
        classes: Sequence[int],
        features: str = 'source:features.-1',
        image: str = 'source:image',
        min_share: float = 0.75,
        loss_weight: float = 0.005,
    ) -> None:
        super().__init__()
        if (encoder.get('init_cfg') or {}).get('type') != 'Pretrained':
            raise UserError(
                "FeatureDistance: its encoder has no weights; give init_cfg=dict(type='Pretrained', checkpoint=...) of "
                'the encoder, as the backbone of the segmentor has.'
            )
        if not classes or not 0.5 < min_share <= 1:
            raise UserError(
                f'FeatureDistance got classes={tuple(classes)} and min_share={min_share}; give at least one class, and '
                'a share above 0.5 and up to 1.'
            )
        self.features, self.image = features, image
        self.label = f'{split_tap(features)[0]}:label'
        self.classes = tuple(classes)
        self.min_share = min_share
        self.loss_weight = loss_weight
        with torch.random.fork_rng(devices=[]):  # building must not change the random numbers of what is built next
            built = MODELS.build(encoder)
        take_any_bands(built)  # a run does so for all other networks, and cannot see this one
        built.requires_grad_(False)
        built.eval()  # of mmseg's ResNet and MobileNet it returns None
        # A tuple hides the encoder from state_dict(), parameters() and children().
        self._hidden = (built,)
        self._pending = True

    @property
    def encoder(self) -> torch.nn.Module:
        """The frozen encoder."""
        return self._hidden[0]

    def _apply(self, fn: Callable, recurse: bool = True) -> FeatureDistance:
        self.encoder._apply(fn)
        return super()._apply(fn, recurse)

    def init_weights(self) -> None:
        """Read the encoder's weights; called by mmengine before the first iteration."""
        super().init_weights()
        self._read()

    def _read(self) -> None:
        if self._pending:
            with torch.random.fork_rng(devices=[]):
                self.encoder.init_weights()
            self._pending = False

    def reads(self, phase: str) -> set[str]:
        return {self.features, self.image, self.label}

    def losses(self, phase: str, context) -> dict[str, Tensor]:
        self._read()  # without a run, nobody has called init_weights
        found = context.tap(self.features)
        with torch.no_grad():
            expected = self.encoder(context.tap(self.image))[-1]
        if found.shape != expected.shape:
            raise UserError(
                f"FeatureDistance: '{self.features}' is {tuple(found.shape)}, but the encoder's last feature map is "
                f'{tuple(expected.shape)}; let encoder be the config of the backbone and features its last feature map.'
            )
        distance = torch.linalg.vector_norm(found - expected, dim=1)
        chosen = self.positions(context.tap(self.label), tuple(distance.shape[-2:]))
        return {'loss': self.loss_weight * (distance * chosen).sum() / chosen.sum().clamp_min(1)}

    def positions(self, label: Tensor, size: tuple[int, int]) -> Tensor:
        """Where one of the classes has its least share.

        Args:
            label: (N, H, W).
            size: (h, w) of the feature map.

        Returns:
            (N, h, w): 1 there and 0 elsewhere.
        """
        masks = torch.stack([label == index for index in self.classes], dim=1).float()
        return (F.adaptive_avg_pool2d(masks, size) >= self.min_share).any(dim=1).float()
