"""Resampling between ground sample distances."""

from mmcv.transforms import BaseTransform

from mmuda.datasets.transforms.geometry import as_pair, resize_image, resize_label, round_half_up
from mmuda.datasets.transforms.ground_pixels import LABELS, pixel_of
from mmuda.datasets.transforms.window_size import check_resampled
from mmuda.registry import TRANSFORMS
from mmuda.utils.errors import UserError
from mmuda.utils.ranges import COUNTS, POSITIVE, POSITIVES, require_each


@TRANSFORMS.register_module()
class ResolutionPair(BaseTransform):
    """Resample a crop to a coarse and a fine grid of the same ground (SRDA-Net: the source's and the target's grid).

    Images are resampled by bicubic interpolation (antialiased downwards), the label by nearest neighbour. The sizes
    depend only on the ground extent and the two ground sample distances. So crops of both domains have equal sizes,
    whatever the pixel sizes of their rasters: 114 m at 1.0 m and 0.3 m are 114 px and 380 px.

    Required keys: ``img`` (H, W, C); optionally ``gt_seg_map`` (H, W), ``gsd`` (metres per pixel of ``img``),
    ``ground_pixel`` (height, width; metres) if its pixels are not square on the ground; they become square. Modified
    keys: ``img`` (coarse), ``gt_seg_map`` (fine), ``img_shape`` (coarse), ``ori_shape`` (fine), ``gsd`` (coarse, metres
        per pixel). Added keys: ``fine_image`` (fine), ``fine_gsd`` (metres per pixel).

    Args:
        coarse_gsd (float | None): Metres per pixel of the coarse grid.
        fine_gsd (float | None): Metres per pixel of the fine grid.
        extent (float | tuple[float, float] | None): Ground extent (height, width) in metres. None uses that of
            :class:`RandomGroundCrop`, else the crop's size times its ``gsd``.
        ratio (float | None): Fine pixels per coarse pixel, instead of ``fine_gsd``; e.g. the nominal 2 of the paper's
            Vaihingen (9 cm) -> Potsdam (5 cm).
        coarse_size (int | tuple[int, int] | None): Size in pixels, instead of the one from ``coarse_gsd``.
        fine_size (int | tuple[int, int] | None): Size in pixels, instead of the one from ``fine_gsd`` or ``ratio``.

    Raises:
        UserError: The arguments do not determine all sizes, or the crop does not cover ``extent``.
    """

    sets_grid = True

    def __init__(
        self,
        coarse_gsd: float | None = None,
        fine_gsd: float | None = None,
        extent=None,
        ratio: float | None = None,
        coarse_size=None,
        fine_size=None,
    ) -> None:
        if (coarse_gsd is None) == (coarse_size is None):
            raise UserError(
                f'ResolutionPair got coarse_gsd={coarse_gsd} and coarse_size={coarse_size}; give exactly one of them.'
            )
        if sum(value is not None for value in (fine_gsd, ratio, fine_size)) != 1:
            raise UserError(
                f'ResolutionPair got fine_gsd={fine_gsd}, ratio={ratio} and fine_size={fine_size}; give exactly one '
                'of them.'
            )
        require_each(POSITIVES, self, coarse_gsd=coarse_gsd, fine_gsd=fine_gsd, extent=extent, ratio=ratio)
        require_each(COUNTS, self, coarse_size=coarse_size, fine_size=fine_size)
        self.coarse_gsd = coarse_gsd
        self.fine_gsd = fine_gsd
        self.ratio = ratio
        self.extent = None if extent is None else as_pair(extent)
        self.coarse_size = None if coarse_size is None else as_pair(coarse_size)
        self.fine_size = None if fine_size is None else as_pair(fine_size)

    def sizes(self, extent: tuple[float, float] | None) -> tuple[tuple[int, int], tuple[int, int]]:
        """Coarse and fine size of a patch of ground.

        Args:
            extent (tuple[float, float] | None): (height, width) in metres; may be None if no size needs it.

        Returns:
            tuple[tuple[int, int], tuple[int, int]]: (height, width) in pixels of the coarse and of the fine grid.
        """
        coarse = self.coarse_size or _pixels(extent, self.coarse_gsd)
        if self.fine_size is not None:
            return coarse, self.fine_size
        if self.ratio is not None:
            return coarse, (round_half_up(coarse[0] * self.ratio), round_half_up(coarse[1] * self.ratio))
        return coarse, _pixels(extent, self.fine_gsd)

    def transform(self, results: dict) -> dict:
        """Resample image and label.

        Args:
            results (dict): As above.

        Returns:
            dict: ``results`` with the keys above.
        """
        image = results['img']
        coarse, fine = self.sizes(self._ground_extent(results))
        for size, wanted in ((coarse, self.coarse_gsd), (fine, self.fine_gsd)):
            check_resampled(results.get('img_path', 'an image'), image.shape[:2], size, results.get('gsd'), wanted)
        results['img'] = resize_image(image, coarse)
        results['fine_image'] = resize_image(image, fine)
        for key in LABELS:
            if key in results:
                results[key] = resize_label(results[key], fine)
        pixel = pixel_of(results)
        if pixel is not None:
            results['gsd'] = pixel[0] * image.shape[0] / coarse[0]
            results['fine_gsd'] = pixel[0] * image.shape[0] / fine[0]
            results.pop('ground_pixel', None)
        results['img_shape'] = coarse
        results['ori_shape'] = fine
        return results

    def _ground_extent(self, results: dict) -> tuple[float, float] | None:
        pixel, shape = pixel_of(results), results['img'].shape[:2]
        covered = None if pixel is None else (shape[0] * pixel[0], shape[1] * pixel[1])
        if self.extent is None:
            return results.get('ground_extent', covered)
        if covered is not None and not _covers(covered, self.extent, pixel):
            raise UserError(
                f'ResolutionPair(extent={self.extent} m) got a crop of {results.get("img_path", "an image")} that '
                f'covers {covered} m; give RandomGroundCrop the same extent.'
            )
        return self.extent

    def __repr__(self) -> str:
        return (
            f'{type(self).__name__}(coarse_gsd={self.coarse_gsd}, fine_gsd={self.fine_gsd}, extent={self.extent}, '
            f'ratio={self.ratio}, coarse_size={self.coarse_size}, fine_size={self.fine_size})'
        )


@TRANSFORMS.register_module()
class ResampleToGSD(BaseTransform):
    """Resample the image, and for training the label, to a ground sample distance.

    In a test the label and ``ori_shape`` stay those of the tile, so that the prediction is resampled back to the
    raster's own grid: a tile of 625 px at 0.3 m becomes 188 px at 1.0 m. In training, ``label=True`` also resamples the
    label (nearest neighbour). A crop's new size is its ``ground_extent`` divided by the new distance. So crops have
    equal sizes even if the distances of their rasters differ slightly. Pixels that are not square on the ground become
    square.

    Required keys: ``img`` (H, W, C), ``gsd`` (metres per pixel; not with ``ratio``); optionally ``gt_seg_map`` and
    ``ground_pixel`` (height, width; metres) where pixels are not square.
    Modified keys: ``img``, ``img_shape``, ``scale_factor`` (width, height), ``gsd``; with ``label`` also
    ``gt_seg_map``, ``coarse_label``, ``cells`` and ``no_data`` (H, W), and ``ori_shape``.

    Args:
        gsd (float | None): Metres per pixel to resample to.
        ratio (float | None): Nominal reduction instead: 2 turns 500 px into 250 px.
        label (bool): Resample the label too.

    Raises:
        UserError: Not exactly one argument is given, or the sample's ground sample distance is unknown or leads to a
            size that exceeds memory.
    """

    sets_grid = True

    def __init__(self, gsd: float | None = None, ratio: float | None = None, label: bool = False) -> None:
        if (gsd is None) == (ratio is None):
            raise UserError(f'ResampleToGSD got gsd={gsd} and ratio={ratio}; give exactly one of them.')
        require_each(POSITIVE, self, gsd=gsd, ratio=ratio)
        self.gsd = gsd
        self.ratio = ratio
        self.label = label

    def check_raster(self, raster: dict) -> None:
        """Refuse a ground sample distance that would make a window enormous or tiny; no file is read.

        Args:
            raster (dict): ``img_path``, ``gsd`` (metres per pixel), ``ground_pixel`` where pixels are not square, and
                ``window``, which may be None (unknown).

        Raises:
            UserError: As above.
        """
        pixel, window = pixel_of(raster), raster.get('window')
        if window is not None and (pixel is not None or self.ratio is not None):
            shape = tuple(window[2:])
            check_resampled(raster['img_path'], shape, self._size(shape, pixel, raster), raster['gsd'], self.gsd)

    def transform(self, results: dict) -> dict:
        """Resample image and, if asked for, label.

        Args:
            results (dict): As above.

        Returns:
            dict: ``results`` with the keys above.
        """
        pixel = pixel_of(results)
        if self.ratio is None and pixel is None:
            raise UserError(
                f'The ground sample distance of {results.get("img_path", "an image")} is unknown, so it cannot be '
                f'resampled to {self.gsd} m; use a RasterDataset with gsd=<metres per pixel>, or ratio=...'
            )
        height, width = results['img'].shape[:2]
        size = self._size((height, width), pixel, results)
        native = None if pixel is None else results['gsd']
        check_resampled(results.get('img_path', 'an image'), (height, width), size, native, self.gsd)
        results['img'] = resize_image(results['img'], size)
        results['img_shape'] = size
        if self.label:
            results['ori_shape'] = size
            for key in LABELS:
                if key in results:
                    results[key] = resize_label(results[key], size)
        results['scale_factor'] = (size[1] / width, size[0] / height)
        if pixel is not None:
            results['gsd'] = pixel[0] * height / size[0]
            results.pop('ground_pixel', None)
        return results

    def _size(self, shape: tuple[int, int], pixel: tuple[float, float] | None, results: dict) -> tuple[int, int]:
        if pixel is None:
            return tuple(round_half_up(side / self.ratio) for side in shape)
        covered = shape[0] * pixel[0], shape[1] * pixel[1]
        extent = results.get('ground_extent')
        if self.gsd is not None and extent is not None and _covers(covered, extent, pixel):
            return _pixels(extent, self.gsd)
        gsd = self.gsd if self.gsd is not None else self.ratio * results['gsd']
        return tuple(round_half_up(side / gsd) for side in covered)

    def __repr__(self) -> str:
        return f'{type(self).__name__}(gsd={self.gsd}, ratio={self.ratio}, label={self.label})'


def _covers(have: tuple[float, float], want: tuple[float, float], pixel: tuple[float, float]) -> bool:
    """Whether a crop covers the wanted ground, up to rounding to whole pixels (by at most one, and 2 %)."""
    return all(abs(h - w) <= max(p, 0.02 * w) for h, w, p in zip(have, want, pixel, strict=True))


def _pixels(extent: tuple[float, float] | None, gsd: float) -> tuple[int, int]:
    if extent is None:
        raise UserError(
            'ResolutionPair cannot tell the ground extent of a sample that has no gsd; use a RasterDataset with '
            'gsd=<metres per pixel>, or give extent=..., or coarse_size and fine_size in pixels.'
        )
    return round_half_up(extent[0] / gsd), round_half_up(extent[1] / gsd)
