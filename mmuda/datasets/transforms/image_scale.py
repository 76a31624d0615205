"""Images at random scales, labels at a fixed size."""

from collections.abc import Sequence

import numpy as np
from mmcv.transforms import BaseTransform

from mmuda.datasets.transforms.geometry import resize_image, resize_label
from mmuda.registry import TRANSFORMS
from mmuda.utils.errors import UserError


@TRANSFORMS.register_module()
class RandomImageScale(BaseTransform):
    """Resize the image to a nominal size times a random factor, the label to the nominal size itself (CLAN's code).

    Logits are then resized to the label's nominal size, so losses weight pixels equally at every factor.

    Required keys: ``img`` (H, W, C); optionally ``gt_seg_map`` (H, W).
    Modified keys: ``img``, ``img_shape`` (of the image), ``gt_seg_map``, ``ori_shape`` (nominal), ``scale_factor``
    (width, height), ``gsd`` where it is known (metres per pixel of ``img``).

    Args:
        scale (tuple[int, int]): Nominal (width, height) in pixels, as in mmseg's ``Resize``.
        factors (Sequence[float]): Factors to draw from; sizes are rounded down to whole pixels.
        probabilities (Sequence[float]): Probability of each.

    Raises:
        UserError: A size or factor is not above 0, or the probabilities do not fit the factors or sum to 1.
    """

    def __init__(
        self,
        scale: tuple[int, int],
        factors: Sequence[float] = (0.8, 1.0, 1.1),
        probabilities: Sequence[float] = (0.3, 0.4, 0.3),
    ) -> None:
        if min(scale) <= 0 or not factors or min(factors) <= 0:
            raise UserError(f'RandomImageScale got scale={scale} and factors={factors}; give values above 0.')
        if len(probabilities) != len(factors) or min(probabilities) < 0 or abs(sum(probabilities) - 1) > 1e-6:
            raise UserError(
                f'RandomImageScale got probabilities={probabilities} for {len(factors)} factors; give one in [0, 1] '
                'for each, which add up to 1.'
            )
        self.scale = tuple(scale)
        self.factors = tuple(factors)
        self.probabilities = tuple(probabilities)

    def transform(self, results: dict) -> dict:
        """Resize.

        Args:
            results (dict): As above.

        Returns:
            dict: ``results`` with the keys above.
        """
        factor = float(np.random.choice(self.factors, p=self.probabilities))
        width, height = self.scale
        before = results['img'].shape[:2]
        size = (max(1, int(height * factor)), max(1, int(width * factor)))
        results['img'] = resize_image(results['img'], size)
        results['img_shape'] = size
        results['scale_factor'] = (size[1] / before[1], size[0] / before[0])
        results['ori_shape'] = (height, width)
        if results.get('gsd') is not None:
            results['gsd'] *= before[0] / size[0]
        if 'gt_seg_map' in results:
            results['gt_seg_map'] = resize_label(results['gt_seg_map'], (height, width))
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(scale={self.scale}, factors={self.factors}, probabilities={self.probabilities})'
