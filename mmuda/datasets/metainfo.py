"""Classes, palettes and file suffixes that several public datasets share."""

BUILDING_METAINFO = dict(classes=('background', 'building'), palette=[[0, 0, 0], [255, 255, 255]])
"""0 background, 1 building."""

ROAD_METAINFO = dict(classes=('background', 'road'), palette=[[0, 0, 0], [255, 255, 255]])
"""0 background, 1 road."""

ISPRS_METAINFO = dict(
    classes=('impervious_surface', 'building', 'low_vegetation', 'tree', 'car', 'clutter'),
    palette=[[255, 255, 255], [0, 0, 255], [0, 255, 255], [0, 255, 0], [255, 255, 0], [255, 0, 0]],
)
"""The six classes of the ISPRS benchmarks, with mmseg's names and order."""

RASTER_SUFFIXES = ('.tif', '.tiff', '.png')
"""Suffixes under which the public datasets are found; GeoTIFF is read by windows, PNG only as a whole."""


def check_split(dataset: str, split: str, splits: tuple[str, ...], what: str = 'split') -> None:
    """Refuse a split that a dataset does not have.

    Args:
        dataset (str): Name of the dataset's class.
        split (str): The split asked for.
        splits (tuple[str, ...]): The splits there are.
        what (str): What the error calls it.

    Raises:
        ValueError: ``split`` is none of ``splits``.
    """
    if split not in splits:
        raise ValueError(f'{dataset} has no {what} {split!r}; choose one of {", ".join(splits)}.')
