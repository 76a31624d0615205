"""Flips and quarter turns of everything that shows the same ground."""

from collections.abc import Sequence

import numpy as np
from mmcv.transforms import BaseTransform

from mmuda.registry import TRANSFORMS
from mmuda.utils.errors import UserError

SAME_GROUND = ('img', 'fine_image', 'gt_seg_map', 'coarse_label', 'cells', 'no_data')


@TRANSFORMS.register_module()
class RandomFlipAll(BaseTransform):
    """Flip the image, its fine version and the label together; overhead imagery has no up.

    Modified keys: those of ``keys`` that the sample has, arrays (H, W) or (H, W, C). Added keys: ``flip`` and
    ``flip_direction`` (``'horizontal'``, ``'vertical'``, ``'diagonal'`` for both, or None).

    Args:
        horizontal (float): Probability in [0, 1] of exchanging left and right.
        vertical (float): Probability in [0, 1] of exchanging top and bottom, drawn independently.
        keys (Sequence[str]): Arrays to flip.

    Raises:
        UserError: A probability lies outside [0, 1].
    """

    def __init__(
        self,
        horizontal: float = 0.5,
        vertical: float = 0.5,
        keys: Sequence[str] = SAME_GROUND,
    ) -> None:
        for name, probability in (('horizontal', horizontal), ('vertical', vertical)):
            if not 0 <= probability <= 1:
                raise UserError(f'{name}={probability} of RandomFlipAll is no probability; give a value in [0, 1].')
        self.horizontal = horizontal
        self.vertical = vertical
        self.keys = tuple(keys)

    def transform(self, results: dict) -> dict:
        """Flip.

        Args:
            results (dict): As above.

        Returns:
            dict: ``results`` with the keys above.
        """
        # Both are always drawn, so that later draws do not depend on the outcome.
        horizontal, vertical = np.random.rand(2) < (self.horizontal, self.vertical)
        axes = [axis for axis, flip in ((0, vertical), (1, horizontal)) if flip]
        for key in self.keys:
            if key in results and axes:
                results[key] = np.ascontiguousarray(np.flip(results[key], axes))
        results['flip'] = bool(axes)
        results['flip_direction'] = {(): None, (0,): 'vertical', (1,): 'horizontal', (0, 1): 'diagonal'}[tuple(axes)]
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(horizontal={self.horizontal}, vertical={self.vertical}, keys={self.keys})'


@TRANSFORMS.register_module()
class RandomQuarterTurn(BaseTransform):
    """Turn everything that shows the same ground by 0, 90, 180 or 270 degrees, without resampling.

    Arrays that are not square are turned by 0 or 180 degrees only, so that batches stack.

    Modified keys: those of ``keys`` that the sample has, arrays (H, W) or (H, W, C). Added key: ``quarter_turns`` (0 to
    3, anticlockwise).

    Args:
        keys (Sequence[str]): Arrays to turn.
    """

    def __init__(self, keys: Sequence[str] = SAME_GROUND) -> None:
        self.keys = tuple(keys)

    def transform(self, results: dict) -> dict:
        """Turn.

        Args:
            results (dict): As above.

        Returns:
            dict: ``results`` with the keys above.
        """
        turns = int(np.random.randint(4))
        if any(results[key].shape[0] != results[key].shape[1] for key in self.keys if key in results):
            turns = 2 * (turns // 2)
        for key in self.keys:
            if key in results and turns:
                results[key] = np.ascontiguousarray(np.rot90(results[key], turns))
        results['quarter_turns'] = turns
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(keys={self.keys})'
