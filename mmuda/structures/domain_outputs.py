"""The results of one forward of a stream or view, as named tensors (taps)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import torch
from mmseg.structures import SegDataSample
from torch import Tensor

from mmuda.utils.errors import UserError


def upcast(tensor: Tensor) -> Tensor:
    """Half-precision tensors as float32; the rest unchanged, so that no loss rounds in half precision."""
    return tensor.float() if tensor.dtype in (torch.float16, torch.bfloat16) else tensor


def split_tap(address: str) -> tuple[str, str]:
    """Split ``'view:tap'`` into its two names.

    Raises:
        UserError: If there is no colon or one side is empty.
    """
    view, colon, tap = address.partition(':')
    if not (view and colon and tap):
        raise UserError(
            f"A tap is addressed as 'view:tap' (for example 'target:prob'), got {address!r}; write it that way."
        )
    return view, tap


@dataclass
class DomainOutputs:
    """Taps of one stream or view: core fields with fixed shapes, plus extras that a segmentor or batch declares.

    Attributes:
        view: Name of the stream or view, e.g. ``'source'``, ``'fed_back'``, ``'target@teacher'``.
        samples: The N data samples (metainfo; ``gt_sem_seg`` where the stream is labelled).
        image: Normalised input of the segmentor, (N, C, H, W).
        features: Feature maps of the backbone (and neck), each (N, C_i, H_i, W_i).
        logits: Class scores, (N, K, h, w), or None if nothing read them.
        aux_logits: Class scores of the auxiliary heads, each (N, K, h_i, w_i).
        extras: Further named tensors with leading dimension N.
    """

    view: str
    samples: list[SegDataSample]
    image: Tensor | None = None
    features: tuple[Tensor, ...] = ()
    logits: Tensor | None = None
    aux_logits: tuple[Tensor, ...] = ()
    extras: dict[str, Tensor] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._cache: dict[str, Tensor] = {}
        core = {'image': self.image, 'logits': self.logits}
        core.update({f'features.{i}': x for i, x in enumerate(self.features)})
        core.update({f'aux.{i}.logits': x for i, x in enumerate(self.aux_logits)})
        for name, tensor in core.items():
            if tensor is not None and (tensor.ndim != 4 or len(tensor) != len(self.samples)):
                raise UserError(
                    f"Tap '{self.view}:{name}' has shape {tuple(tensor.shape)}; it must be (N, C, H, W) with "
                    f'N = {len(self.samples)}; fix the segmentor or its adapter.'
                )
        for name, tensor in self.extras.items():
            if tensor.ndim < 1 or len(tensor) != len(self.samples):
                raise UserError(
                    f"Extra tap '{self.view}:{name}' has shape {tuple(tensor.shape)}; its first dimension must be "
                    f'N = {len(self.samples)}; fix the segmentor, its adapter or the view.'
                )

    def tap(self, name: str) -> Tensor:
        """The tensor of a tap, half precision raised to float32.

        ``prob`` and ``aux.i.prob`` are softmax over classes, values in [0, 1]; ``label`` is (N, h, w) int64.

        Raises:
            UserError: If this view does not carry the tap.
        """
        if name not in self._cache:
            self._cache[name] = upcast(self._resolve(name))
        return self._cache[name]

    def _resolve(self, name: str) -> Tensor:
        if name in self.extras:
            return self.extras[name]
        if name == 'image' and self.image is not None:
            return self.image
        if name == 'logits' and self.logits is not None:
            return self.logits
        if name == 'prob' and self.logits is not None:
            return self.tap('logits').softmax(dim=1)
        if name == 'label' and all('gt_sem_seg' in sample for sample in self.samples):
            return torch.stack([sample.gt_sem_seg.data.squeeze(0) for sample in self.samples])
        indexed = self._resolve_indexed(name)
        if indexed is not None:
            return indexed
        raise UserError(
            f"The view '{self.view}' carries no tap '{name}'; it carries {', '.join(self.names())}. "
            'Name one of these, or use a stream or segmentor that offers it.'
        )

    def _resolve_indexed(self, name: str) -> Tensor | None:
        kind, _, rest = name.partition('.')
        index, _, leaf = rest.partition('.')
        if not index.lstrip('-').isdigit():
            return None
        series = {'features': self.features, 'aux': self.aux_logits}.get(kind, ())
        if not -len(series) <= int(index) < len(series):
            return None
        if kind == 'features' and not leaf:
            return series[int(index)]
        if kind == 'aux' and leaf in ('logits', 'prob'):
            logits = upcast(series[int(index)])
            return logits if leaf == 'logits' else logits.softmax(dim=1)
        return None

    def names(self) -> list[str]:
        """Names of the taps this object carries."""
        names = [] if self.image is None else ['image']
        names += [f'features.{i}' for i in range(len(self.features))]
        names += [] if self.logits is None else ['logits', 'prob']
        for i in range(len(self.aux_logits)):
            names += [f'aux.{i}.logits', f'aux.{i}.prob']
        if self.samples and all('gt_sem_seg' in sample for sample in self.samples):
            names.append('label')
        return names + list(self.extras)

    def detach(self) -> DomainOutputs:
        """The same taps cut from the graph."""

        def cut(tensor: Tensor | None) -> Tensor | None:
            return None if tensor is None else tensor.detach()

        return replace(
            self,
            image=cut(self.image),
            features=tuple(cut(x) for x in self.features),
            logits=cut(self.logits),
            aux_logits=tuple(cut(x) for x in self.aux_logits),
            extras={name: cut(x) for name, x in self.extras.items()},
        )
