"""ClassMix: half of the classes of one image, pasted onto another."""

from __future__ import annotations

import torch
from torch import Tensor

from mmuda.registry import VIEWS
from mmuda.structures import IGNORE_INDEX
from mmuda.utils.errors import UserError

from .mix import Mix, nearest

VALUES = 256  # of a label


@VIEWS.register_module()
class ClassMix(Mix):
    """Pastes half of the classes of a source image, rounded up, onto a target image; see :class:`Mix` for the rest.

    The classes are drawn anew for each image, all with the same probability. An image without any class pastes nothing;
    the one class of an image is pasted.

    The released code of DACS and DAFormer draws from the classes of the whole batch, and counts 255 as a class:
    ``per='batch', ignore_index=None``. Then an image may paste nothing, or all of itself.

    Labels may have another grid than the images. An image's pixel is pasted if the label at its centre is of a drawn
    class, and with it all labels on its ground.

    Sources: ClassMix (https://arxiv.org/abs/2007.07936), DACS (https://arxiv.org/abs/2007.08702).

    Args:
        source: The labelled stream or view whose classes are pasted.
        target: The labelled stream or view (usually pseudo-labelled) that they are pasted onto.
        per: Draw from the classes of the ``'image'`` itself, or from those of all pasted images of the ``'batch'``.
        ignore_index: The label that is no class and is never drawn; None draws it like any other.
        shift: Partner of a sample, see :class:`Mix`.

    Raises:
        UserError: If ``per`` is not known.
    """

    def __init__(
        self,
        source: str = 'source',
        target: str = 'pseudo',
        per: str = 'image',
        ignore_index: int | None = IGNORE_INDEX,
        shift: int | None = None,
    ) -> None:
        if per not in ('image', 'batch'):
            raise UserError(f"ClassMix: per={per!r} is not known; give 'image' or 'batch'.")
        super().__init__(source, target, shift)
        self.per = per
        self.ignore_index = ignore_index

    def masks(self, labels: Tensor, size: tuple[int, int]) -> Tensor:
        flat = labels.flatten(1)
        present = torch.zeros(len(flat), VALUES, dtype=torch.bool, device=flat.device).scatter_(1, flat, True)
        if self.ignore_index is not None:
            present[:, self.ignore_index] = False
        if self.per == 'batch':
            present = present.any(dim=0, keepdim=True).expand_as(present)
        # A random order of all values, those that are present first: nothing waits for the device to count classes.
        scores = torch.rand(present.shape).to(flat.device, non_blocking=True).masked_fill(~present, 2)
        ranks = scores.argsort(dim=1).argsort(dim=1)
        half = (present.sum(dim=1, keepdim=True) + 1) // 2
        drawn = ranks < half
        return nearest(drawn.gather(1, flat).view_as(labels), size)
