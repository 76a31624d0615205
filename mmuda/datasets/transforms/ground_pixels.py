"""Resamples pixels that are not square on the ground to square ones."""

from mmuda.datasets.transforms.geometry import as_pair, resize_image, resize_label, round_half_up

# Arrays that hold a class, a label cell or "no data" per pixel.
LABELS = ('gt_seg_map', 'coarse_label', 'cells', 'no_data')


def pixel_of(results: dict) -> tuple[float, float] | None:
    """Height and width of a sample's pixels in metres of ground; None if they are unknown.

    Args:
        results (dict): ``gsd`` (metres per pixel), and ``ground_pixel`` if they are not square.
    """
    if results.get('ground_pixel') is not None:
        return tuple(results['ground_pixel'])
    return None if results.get('gsd') is None else as_pair(results['gsd'])


def square_pixels(results: dict) -> None:
    """Resample a sample whose pixels are not square on the ground to squares of the same area.

    The image is always resampled. Labels are resampled if ``label_follows`` (training); else they and ``ori_shape``
    stay on the raster's grid, to which predictions are resampled back. Nothing is done if pixels are square or
    ``grid_follows`` is set.

    Args:
        results (dict): ``gsd`` and ``ground_pixel`` (height, width; metres) of a raster with such pixels; ``img``
            (H, W, C) or labels (H, W); ``square_shape`` (height, width) if :class:`RandomGroundCrop` chose the window.
            Modified: the arrays, ``img_shape``, with ``label_follows`` also ``ori_shape``. Added:
            ``squared``, the new size. Removed: ``ground_pixel``.
    """
    pixel = results.get('ground_pixel')
    if pixel is None or results.get('grid_follows'):
        return
    del results['ground_pixel']
    height, width = results['ori_shape']
    natural = tuple(round_half_up(n * p / results['gsd']) for n, p in zip((height, width), pixel, strict=True))
    size = results.pop('square_shape', natural)
    if 'img' in results:
        results['img'] = resize_image(results['img'], size)
    results['img_shape'] = results['squared'] = size
    results['scale_factor'] = (size[1] / width, size[0] / height)
    if results.get('label_follows'):
        results['ori_shape'] = size
        for key in LABELS:
            if key in results:
                results[key] = resize_label(results[key], size)
