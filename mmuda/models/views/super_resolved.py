"""The super-resolved source image, brought back to the source's grid."""

from __future__ import annotations

import torch.nn.functional as F

from mmuda.registry import VIEWS
from mmuda.structures import split_tap
from mmuda.utils.errors import UserError

from .base import View


@VIEWS.register_module()
class SuperResolvedView(View):
    """down R(I_S): the fed-back image of SRDA-Net's strategy 2 and fixed-point loss (equations 2 and 5).

    Args:
        image: Address of the super-resolved image of a labelled stream.
        mode: Downsampling, ``'nearest'`` (the authors' code) or ``'bicubic'`` (antialiased; the paper names bicubic
            for images).
        detach: Cut the image from the graph, so that losses on this view do not train the super-resolution head
            (the authors' code).
    """

    def __init__(self, image: str = 'source:sr_image', mode: str = 'nearest', detach: bool = True) -> None:
        if mode not in ('nearest', 'bicubic'):
            raise UserError(f"mode={mode!r} is not known; give 'nearest' or 'bicubic'.")
        self.view, _ = split_tap(image)
        self.image = image
        self.mode = mode
        self.detach = detach

    def reads(self) -> set[str]:
        return {self.image}

    def build(self, context) -> dict:
        image, size = context.tap(self.image), context.size(self.view)
        image = image.detach() if self.detach else image
        if self.mode == 'bicubic':
            image = F.interpolate(image, size=size, mode='bicubic', antialias=True, align_corners=False)
        else:
            image = F.interpolate(image, size=size, mode='nearest')
        return {**context.batch(self.view), 'inputs': image}
