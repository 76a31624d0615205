"""A history of generated images for discriminators."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from mmengine.dist import get_rank
from torch import Tensor, nn

from mmuda.utils.errors import UserError
from mmuda.utils.ranks import gather_rows
from mmuda.utils.seeds import mix_seed


class ImagePool(nn.Module):
    """Gives a discriminator, half of the time, an image that was generated earlier (CycleGAN, section 4; Shrivastava et
    al., https://arxiv.org/abs/1612.07828).

    Until the pool is full, every image is kept and passed on. After that, each image is swapped with probability 1/2
    for a random one from the pool. The pool is stored in buffers, holds the images of all ranks, and is equal on every
    rank.

    Args:
        size: Number of images; 0 passes every image on.
        image_shape: (C, H, W) of the images.
        name: Distinguishes this pool's random draws from another pool's.
    """

    def __init__(self, size: int, image_shape: Sequence[int], name: str) -> None:
        super().__init__()
        self.size, self.name = size, name
        self.register_buffer('images', torch.zeros(size, *image_shape))
        self.register_buffer('filled', torch.zeros((), dtype=torch.long))
        self._count: int | None = None

    @torch.no_grad()
    def exchange(self, images: Tensor, iteration: int) -> Tensor:
        """Images for the discriminator, of the same shape (N, C, H, W); a collective call.

        Raises:
            UserError: If they do not have the pool's shape.
        """
        if self.size == 0:
            return images
        if images.shape[1:] != self.images.shape[1:]:
            raise UserError(
                f'The image pool holds images of {tuple(self.images.shape[1:])}, but got {tuple(images.shape[1:])}; '
                "set pool=dict(image_shape=...) of ImageTranslation to the crops' shape."
            )
        everyones = gather_rows(images.to(self.images.dtype).contiguous())
        # Equal on all ranks, whose own generators differ.
        generator = torch.Generator().manual_seed(mix_seed(self.name, iteration))
        if self._count is None:  # counted here too, since reading the buffer of a device means waiting for it
            self._count = int(self.filled)
        given = []
        for image in everyones:
            chance, place = torch.rand((), generator=generator), int(torch.randint(self.size, (), generator=generator))
            if self._count < self.size:
                self.images[self._count] = image
                self._count += 1
                self.filled.fill_(self._count)
                given.append(image)
            elif chance < 0.5:
                given.append(self.images[place].clone())
                self.images[place] = image
            else:
                given.append(image)
        begin = len(images) * get_rank()
        return torch.stack(given[begin : begin + len(images)]).to(images.dtype)

    def _load_from_state_dict(self, *args, **kwargs) -> None:
        super()._load_from_state_dict(*args, **kwargs)
        self._count = None
