"""A flipped copy of a batch."""

from __future__ import annotations

from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from torch import Tensor

from mmuda.registry import VIEWS
from mmuda.utils.errors import UserError

from .built_on import BuiltOn

DIMS = dict(horizontal=(-1,), vertical=(-2,), diagonal=(-2, -1))


def flip(tensor: Tensor, direction: str) -> Tensor:
    """A map flipped about its middle; flipping twice gives it back, so this also undoes :class:`Flipped`.

    Args:
        tensor: (..., h, w).
        direction: ``'horizontal'`` swaps left and right, ``'vertical'`` top and bottom, ``'diagonal'`` both.
    """
    return tensor.flip(DIMS[direction])


@VIEWS.register_module()
class Flipped(BuiltOn):
    """The images of a stream or view, flipped; a teacher's predictions can be averaged over it.

    Everything that has a place is flipped along: labels, weights, pixels without data, and extras (N, ..., h, w). The
    metainfo stays. :func:`flip` brings a tap of this view back: ``flip(context.tap('flipped@teacher:logits'), ...)``.

    Args:
        view: The stream or view.
        direction: ``'horizontal'``, ``'vertical'`` or ``'diagonal'`` (both), as in mmseg.

    Raises:
        UserError: If the direction is not known.
    """

    def __init__(self, view: str = 'target', direction: str = 'horizontal') -> None:
        if direction not in DIMS:
            raise UserError(f'Flipped: direction={direction!r} is not known; give one of {tuple(DIMS)}.')
        self.view = view
        self.parents = (view,)
        self.direction = direction

    def build(self, context) -> dict:
        batch = dict(context.batch(self.view))
        for key, value in batch.items():
            if isinstance(value, Tensor) and value.ndim >= 3:
                batch[key] = flip(value, self.direction)
        batch['data_samples'] = [self._sample(sample) for sample in batch['data_samples']]
        return batch

    def _sample(self, sample: SegDataSample) -> SegDataSample:
        flipped = SegDataSample(metainfo=sample.metainfo)
        for name, field in sample.items():
            is_map = isinstance(field, PixelData)
            flipped.set_data({name: PixelData(data=flip(field.data, self.direction)) if is_map else field})
        return flipped
