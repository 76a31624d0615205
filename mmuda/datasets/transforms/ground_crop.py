"""Random crops by ground extent."""

import numpy as np
from mmcv.transforms import BaseTransform

from mmuda.datasets.transforms.geometry import as_pair, round_half_up
from mmuda.registry import TRANSFORMS


@TRANSFORMS.register_module()
class RandomGroundCrop(BaseTransform):
    """Choose a random window that covers a given piece of ground.

    114 m are 114 px of a 1.0 m raster and 380 px of a 0.3 m raster. On a raster that is not read yet only the window is
    chosen (:class:`LoadRasterWindow` reads it); arrays that a pipeline of mmseg has loaded are cut.

    Required keys: ``gsd`` (metres a pixel; with ``extent``), ``raster_shape`` and ``window``, or ``img``.
    Added or modified keys: ``window`` (row, col, height, width; pixels), ``ground_extent`` (metres, with ``extent``),
    and for loaded arrays ``img``, the arrays named in ``seg_fields``, ``img_shape``, ``ori_shape``.

    Args:
        extent (float | tuple[float, float] | None): Ground extent (height, width) in metres.
        size (int | tuple[int, int] | None): Size (height, width) in pixels of the raster, instead of ``extent``.
        gsd (float | None): Metres a pixel, instead of the sample's; for datasets of mmseg, which state none.

    Raises:
        ValueError: Not exactly one of ``extent`` and ``size`` is given, or it is not positive; the crop is larger than
            the raster; no ground sample distance is known.
    """

    def __init__(self, extent=None, size=None, gsd: float | None = None) -> None:
        if (extent is None) == (size is None):
            raise ValueError(
                f'RandomGroundCrop got extent={extent} and size={size}; give exactly one: extent in metres or size '
                'in pixels.'
            )
        if min(as_pair(size if extent is None else extent)) <= 0:
            raise ValueError(f'RandomGroundCrop got extent={extent} and size={size}; give a positive one.')
        self.extent = None if extent is None else as_pair(extent)
        self.size = None if size is None else as_pair(size)
        self.gsd = gsd

    def crop_size(self, gsd: float | None) -> tuple[int, int]:
        """Size of the crop in pixels of a raster.

        Args:
            gsd (float | None): The raster's metres a pixel; unused with ``size``.

        Returns:
            tuple[int, int]: (height, width) in pixels.
        """
        if self.size is not None:
            return self.size
        gsd = self.gsd or gsd
        if gsd is None:
            raise ValueError(
                'RandomGroundCrop(extent=...) needs the ground sample distance, but the sample has no gsd; use a '
                'RasterDataset or set gsd=<metres a pixel> of RandomGroundCrop.'
            )
        return round_half_up(self.extent[0] / gsd), round_half_up(self.extent[1] / gsd)

    def check_raster(self, raster: dict) -> None:
        """Refuse a raster (or tile of it) that is smaller than the crop; called when a dataset is built.

        Args:
            raster (dict): ``img_path``, ``gsd`` (metres a pixel), ``raster_shape`` and ``window``.

        Raises:
            ValueError: The crop does not fit.
        """
        height, width = self.crop_size(raster['gsd'])
        _, _, available_height, available_width = _bounds(raster)
        if height > available_height or width > available_width:
            what = f'{self.extent} m' if self.extent else f'{self.size} px'
            raise ValueError(
                f'The crop of {what} is {height} x {width} px on {raster["img_path"]} (gsd {raster["gsd"]} m), which '
                f'has only {available_height} x {available_width} px; make the crop smaller or take the raster out.'
            )

    def transform(self, results: dict) -> dict:
        """Choose the window.

        Args:
            results (dict): As above.

        Returns:
            dict: ``results`` with ``window``; arrays cut if they are loaded.
        """
        loaded = 'img' in results
        raster = dict(
            img_path=results.get('img_path', 'the loaded image'),
            gsd=self.gsd or results.get('gsd'),
            raster_shape=results['img'].shape[:2] if loaded else results['raster_shape'],
            window=None if loaded else results.get('window'),
        )
        self.check_raster(raster)
        row, col, available_height, available_width = _bounds(raster)
        height, width = self.crop_size(raster['gsd'])
        row += int(np.random.randint(0, available_height - height + 1))
        col += int(np.random.randint(0, available_width - width + 1))
        if raster['gsd'] is not None:
            results['gsd'] = raster['gsd']
        if self.extent is not None:
            results['ground_extent'] = self.extent
        if loaded:
            _cut(results, row, col, height, width)
        else:
            results['window'] = (row, col, height, width)
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(extent={self.extent}, size={self.size}, gsd={self.gsd})'


def _bounds(raster: dict) -> tuple[int, int, int, int]:
    window = raster.get('window')
    return tuple(window) if window is not None else (0, 0, *raster['raster_shape'])


def _cut(results: dict, row: int, col: int, height: int, width: int) -> None:
    """Cut what is loaded; the window is counted in pixels of the raster the arrays came from."""
    fields = results.get('seg_fields') or [key for key in ('gt_seg_map',) if key in results]
    for key in ('img', *fields):
        results[key] = results[key][row : row + height, col : col + width]
    outer = results.get('window') or (0, 0)
    results['window'] = (outer[0] + row, outer[1] + col, height, width)
    results['img_shape'] = results['ori_shape'] = (height, width)
