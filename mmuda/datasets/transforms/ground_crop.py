"""Random crops by ground extent."""

import numpy as np
from mmcv.transforms import BaseTransform

from mmuda.datasets.transforms.geometry import as_pair, round_half_up
from mmuda.registry import TRANSFORMS
from mmuda.utils.errors import UserError
from mmuda.utils.ranges import POSITIVE, POSITIVES, RANGE, require_each


@TRANSFORMS.register_module()
class RandomGroundCrop(BaseTransform):
    """Choose a random window with a given ground extent.

    114 m are 114 px of a 1.0 m raster and 380 px of a 0.3 m raster. If pixels are not square on the ground, the window
    has more of them along their shorter side. With ``zoom``, the window covers ``1 / zoom`` of the extent's sides, and
    a following :class:`ResampleToGSD` brings it to the pixels of the whole extent, so that everything appears ``zoom``
    times as large: random scale in metres of ground. For a raster that has not been read, only the window is chosen
    (:class:`LoadRasterWindow` reads it). Arrays already loaded by a pipeline of mmseg are cropped.

    Required keys: ``gsd`` (metres per pixel; with ``extent``), ``raster_shape`` and ``window``, or ``img``; optionally
    ``ground_pixel`` (height, width; metres), and ``around`` (row, col, height, width; pixels): the centre of the window
    is drawn from this part of the raster, as far as the window then fits into it.
    Added or modified keys: ``window`` (row, col, height, width; pixels), ``ground_extent`` (metres, with ``extent`` or
    ``zoom``), ``square_shape`` (height, width of the crop in square pixels, where the raster's are not),
    ``ground_pixel`` (with ``zoom``: the pixel's sides times the zoom, as if the window covered the extent), and for
    loaded arrays ``img``, the arrays named in ``seg_fields``, ``img_shape``, ``ori_shape``.

    Args:
        extent (float | tuple[float, float] | None): Ground extent (height, width) in metres.
        size (int | tuple[int, int] | None): Size (height, width) in pixels of the raster, instead of ``extent``; if
            these are not square on the ground, in pixels after squaring.
        gsd (float | None): Metres per pixel, overriding the sample's; for datasets of mmseg, which state none.
        zoom (tuple[float, float] | None): Range (low, high) from which the zoom is drawn uniformly, as the factor of
            mmseg's ``RandomResize``; usually (0.5, 2.0). A window that would not fit into the raster becomes the
            largest one that does.

    Raises:
        UserError: Not exactly one of ``extent`` and ``size`` is given, or it is not positive; the crop (at zoom 1) is
            larger than the raster; no ground sample distance is known; ``zoom`` is no range of numbers above 0.
    """

    def __init__(self, extent=None, size=None, gsd: float | None = None, zoom=None) -> None:
        if (extent is None) == (size is None):
            raise UserError(
                f'RandomGroundCrop got extent={extent} and size={size}; give exactly one: extent in metres or size '
                'in pixels.'
            )
        if min(as_pair(size if extent is None else extent)) <= 0:
            raise UserError(f'RandomGroundCrop got extent={extent} and size={size}; give a positive one.')
        require_each(POSITIVE, self, gsd=gsd)
        require_each(RANGE, self, zoom=zoom)
        require_each(POSITIVES, self, zoom=zoom)
        self.extent = None if extent is None else as_pair(extent)
        self.size = None if size is None else as_pair(size)
        self.gsd = gsd
        self.zoom = None if zoom is None else tuple(zoom)

    reads_raster = True

    def crop_size(self, gsd: float | None) -> tuple[int, int]:
        """Size of the crop in square pixels.

        Args:
            gsd (float | None): Metres per pixel; unused with ``size``.

        Returns:
            tuple[int, int]: (height, width) in pixels.
        """
        if self.size is not None:
            return self.size
        gsd = self.gsd or gsd
        if gsd is None:
            raise UserError(
                'RandomGroundCrop(extent=...) needs the ground sample distance, but the sample has no gsd; use a '
                'RasterDataset or set gsd=<metres per pixel> of RandomGroundCrop.'
            )
        return round_half_up(self.extent[0] / gsd), round_half_up(self.extent[1] / gsd)

    def raster_size(self, gsd: float | None, ground_pixel: tuple[float, float] | None = None) -> tuple[int, int]:
        """Size of the crop in pixels of a raster, whose pixels need not be square.

        Args:
            gsd (float | None): The raster's metres per pixel; unused with ``size`` where pixels are square.
            ground_pixel (tuple[float, float] | None): Height and width of its pixels in metres, if they are not.

        Returns:
            tuple[int, int]: (height, width) in pixels.
        """
        if ground_pixel is None or ground_pixel[0] == ground_pixel[1] or self.gsd is not None:
            return self.crop_size(gsd)
        extent = self.extent if self.extent is not None else tuple(side * gsd for side in self.size)
        return tuple(round_half_up(side / pixel) for side, pixel in zip(extent, ground_pixel, strict=True))

    def check_raster(self, raster: dict) -> None:
        """Refuse a raster (or tile of it) that is smaller than the crop; called when a dataset is built.

        Args:
            raster (dict): ``img_path``, ``gsd`` (metres per pixel), ``raster_shape`` and ``window``; ``ground_pixel``
                (height, width; metres) where pixels are not square.

        Raises:
            UserError: The crop does not fit.
        """
        height, width = self.raster_size(raster['gsd'], raster.get('ground_pixel'))
        _, _, available_height, available_width = _bounds(raster)
        if height > available_height or width > available_width:
            what = f'{self.extent} m' if self.extent else f'{self.size} px'
            raise UserError(
                f'The crop of {what} is {height} x {width} px on {raster["img_path"]} (gsd {raster["gsd"]} m), which '
                f'has only {available_height} x {available_width} px; make the crop smaller or take the raster out.'
            )

    def transform(self, results: dict) -> dict:
        """Choose the window.

        Args:
            results (dict): As above.

        Returns:
            dict: ``results`` with ``window``; loaded arrays are cropped.
        """
        loaded = 'img' in results
        raster = dict(
            img_path=results.get('img_path', 'the loaded image'),
            gsd=self.gsd or results.get('gsd'),
            ground_pixel=None if self.gsd else results.get('ground_pixel'),
            raster_shape=results['img'].shape[:2] if loaded else results['raster_shape'],
            window=None if loaded else results.get('window'),
        )
        self.check_raster(raster)
        bounds, size = _bounds(raster), self.raster_size(raster['gsd'], raster['ground_pixel'])
        if self.zoom is not None:
            size = self._zoom(results, raster, size)
        height, width = size
        row, col = (_draw(axis, bounds, size, None if loaded else results.get('around')) for axis in (0, 1))
        if raster['gsd'] is not None:
            results['gsd'] = raster['gsd']
        if self.extent is not None:
            results['ground_extent'] = self.extent
        if self.zoom is None:
            self._note_pixels(results, raster)
        if loaded:
            _cut(results, row, col, height, width)
        else:
            results['window'] = (row, col, height, width)
        return results

    def _note_pixels(self, results: dict, raster: dict) -> None:
        if raster['ground_pixel'] is not None:
            results['square_shape'] = self.crop_size(raster['gsd'])
        elif self.gsd is not None:
            results.pop('ground_pixel', None)

    def _zoom(self, results: dict, raster: dict, size: tuple[int, int]) -> tuple[int, int]:
        """Draw the size of the window, and note what its pixels are to count as."""
        if raster['gsd'] is None:
            raise UserError(
                'RandomGroundCrop(zoom=...) needs the ground sample distance, but the sample has no gsd; use a '
                'RasterDataset or set gsd=<metres per pixel> of RandomGroundCrop.'
            )
        available = _bounds(raster)[2:]
        fits = max(side / most for side, most in zip(size, available, strict=True))
        zoom = max(float(np.random.uniform(*self.zoom)), fits)
        window = tuple(min(round_half_up(side / zoom), most) for side, most in zip(size, available, strict=True))
        extent = self.extent or tuple(side * raster['gsd'] for side in self.crop_size(raster['gsd']))
        results['ground_extent'] = extent
        results['ground_pixel'] = tuple(metres / side for metres, side in zip(extent, window, strict=True))
        return window

    def __repr__(self) -> str:
        return f'{type(self).__name__}(extent={self.extent}, size={self.size}, gsd={self.gsd}, zoom={self.zoom})'


def _bounds(raster: dict) -> tuple[int, int, int, int]:
    window = raster.get('window')
    return tuple(window) if window is not None else (0, 0, *raster['raster_shape'])


def _draw(axis: int, bounds: tuple, size: tuple[int, int], around: tuple | None) -> int:
    """First row (axis 0) or column (axis 1) of a window of a size inside the bounds."""
    first, last = bounds[axis], bounds[axis] + bounds[2 + axis] - size[axis]
    if around is not None:
        start = around[axis] - size[axis] // 2  # where the first pixel of the part is the centre
        first, last = max(first, min(start, last)), min(last, max(start + around[2 + axis] - 1, first))
    return first + int(np.random.randint(0, last - first + 1))


def _cut(results: dict, row: int, col: int, height: int, width: int) -> None:
    """Crop loaded arrays; the window is in pixels of the raster from which they were read."""
    fields = results.get('seg_fields') or [key for key in ('gt_seg_map',) if key in results]
    for key in ('img', *fields):
        results[key] = results[key][row : row + height, col : col + width]
    outer = results.get('window') or (0, 0)
    results['window'] = (outer[0] + row, outer[1] + col, height, width)
    results['img_shape'] = results['ori_shape'] = (height, width)
