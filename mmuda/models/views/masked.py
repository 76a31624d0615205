"""Images with hidden blocks (masked image consistency)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from mmseg.structures import SegDataSample
from torch import Tensor

from mmuda.registry import VIEWS
from mmuda.utils.errors import UserError
from mmuda.utils.ranges import COUNT, POSITIVE, SHARE, require_each

from .built_on import BuiltOn

BLOCKS_IN_A_CROP = 16


@VIEWS.register_module()
class Masked(BuiltOn):
    """Hides blocks of the images; labels and weights stay, so that the network learns from the context (MIC).

    An image is divided into a grid of about ``block`` x ``block`` pixels. Each block is hidden with probability
    ``ratio``, independently of the others and of the other images. What is hidden is 0 after normalisation, the
    domain's mean. As in the released code, the grid has ``round(H / block)`` rows and ``round(W / block)`` columns that
    are stretched to the image, so blocks have exactly that size only where the image is a multiple of it.

    Only ``inputs`` is masked, not ``fine_image`` or other extras. Build this view on :class:`StrongAugmentation` and
    not the other way round: colours that are changed later would no longer leave the hidden pixels at 0.

    Source: MIC (https://arxiv.org/abs/2212.01322), equations 4 and 5.

    Args:
        view: The stream or view whose images are masked.
        block: Side of a block in pixels. Without ``block`` and ``block_metres`` it is a sixteenth of the image's
            shorter side, the share that the paper uses (64 of 1024, 32 of 512).
        ratio: Probability that a block is hidden, in [0, 1].
        block_metres: Side of a block in metres of ground; the samples' ``gsd`` gives the pixels, rounded, at least 1.

    Raises:
        UserError: If both sides are given, or a value lies outside its range.
    """

    def __init__(
        self, view: str = 'pseudo', block: int | None = None, ratio: float = 0.7, block_metres: float | None = None
    ) -> None:
        if block is not None and block_metres is not None:
            raise UserError(
                f'Masked: block={block} (pixels) and block_metres={block_metres}; give one of them, or neither for a '
                'sixteenth of the image.'
            )
        require_each(COUNT, self, block=block)
        require_each(POSITIVE, self, block_metres=block_metres)
        require_each(SHARE, self, ratio=ratio)
        self.view = view
        self.parents = (view,)
        self.block = block
        self.ratio = ratio
        self.block_metres = block_metres

    def build(self, context) -> dict:
        batch = context.batch(self.view)
        images = batch['inputs']
        size = tuple(images.shape[-2:])
        kept = torch.stack([self._kept(size, sample, images.device) for sample in batch['data_samples']])
        return {**batch, 'inputs': images.masked_fill(~kept[:, None], 0)}

    def _kept(self, size: tuple[int, int], sample: SegDataSample, device: torch.device) -> Tensor:
        """Where an image stays visible, (H, W) bool."""
        side = self._side(size, sample)
        rows, columns = (max(1, round(length / side)) for length in size)
        kept = (torch.rand(1, 1, rows, columns) > self.ratio).float().to(device, non_blocking=True)
        return F.interpolate(kept, size=size)[0, 0] > 0

    def _side(self, size: tuple[int, int], sample: SegDataSample) -> int:
        """Side of a block in pixels."""
        if self.block_metres is None:
            return self.block or max(1, round(min(size) / BLOCKS_IN_A_CROP))
        gsd = sample.metainfo.get('gsd')
        if gsd is None:
            raise UserError(
                f"Masked: block_metres={self.block_metres}, but a sample of '{self.view}' states no gsd (metres "
                "per pixel); let the pipeline's meta_keys include 'gsd', or give `block` in pixels."
            )
        return max(1, round(self.block_metres / gsd))
