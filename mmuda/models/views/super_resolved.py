"""The super-resolved source image, brought back to the source's grid."""

from __future__ import annotations

import torch.nn.functional as F

from mmuda.registry import VIEWS

from .base import View


@VIEWS.register_module()
class SuperResolvedView(View):
    """down R(I_S): the fed-back image of SRDA-Net's strategy 2 and fixed-point loss (equations 2 and 5).

    Args:
        view: The labelled stream whose super-resolved image is fed back.
        mode: Downsampling, ``'nearest'`` (the authors' code) or ``'bicubic'`` (antialiased; the paper names bicubic
            for images).
        detach: Cut the image from the graph, so that losses on this view do not train the super-resolution head
            (the authors' code).
    """

    def __init__(self, view: str = 'source', mode: str = 'nearest', detach: bool = True) -> None:
        if mode not in ('nearest', 'bicubic'):
            raise ValueError(f"mode={mode!r} is not known; give 'nearest' or 'bicubic'.")
        self.view = view
        self.mode = mode
        self.detach = detach

    def reads(self) -> set[str]:
        return {f'{self.view}:sr_image', f'{self.view}:image'}

    def build(self, context) -> dict:
        image = context.tap(f'{self.view}:sr_image')
        size = context.tap(f'{self.view}:image').shape[-2:]
        image = image.detach() if self.detach else image
        if self.mode == 'bicubic':
            image = F.interpolate(image, size=size, mode='bicubic', antialias=True, align_corners=False)
        else:
            image = F.interpolate(image, size=size, mode='nearest')
        return {**context.batch(self.view), 'inputs': image}
