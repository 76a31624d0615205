"""Classes, palettes and file suffixes that several public datasets share."""

from collections.abc import Sequence

from mmuda.utils.errors import UserError

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
"""Suffixes under which the public datasets are found; GeoTIFF is read window by window, PNG only as a whole."""


def check_split(dataset: str, split: str, splits: tuple[str, ...], what: str = 'split') -> None:
    """Refuse a split that a dataset does not have.

    Args:
        dataset (str): Name of the dataset's class.
        split (str): The split asked for.
        splits (tuple[str, ...]): The available splits.
        what (str): Word for a split in the error.

    Raises:
        UserError: ``split`` is none of ``splits``.
    """
    if split not in splits:
        remedy = f'choose one of {", ".join(splits)}' if splits else f'it has no {what}s at all, leave it out'
        raise UserError(f'{dataset} has no {what} {split!r}; {remedy}.')


def check_same_classes(
    ours: Sequence[str] | None, theirs: Sequence[str] | None, our_name: str, their_name: str
) -> None:
    """Refuse classes that differ in number, name or order, since labels would be read as the wrong classes.

    Args:
        ours (Sequence[str] | None): Names of classes; None or empty if they are unknown, which is never refused.
        theirs (Sequence[str] | None): The names to compare with.
        our_name (str): Owner of the first names, for the error.
        their_name (str): Owner of the other names.

    Raises:
        UserError: Both are known and differ.
    """
    if not ours or not theirs or tuple(ours) == tuple(theirs):
        return
    ours, theirs = tuple(ours), tuple(theirs)
    if len(ours) != len(theirs):
        how = f'{our_name} has {len(ours)} classes {ours} but {their_name} has {len(theirs)} {theirs}'
    elif sorted(ours) == sorted(theirs):
        how = f'the classes of {our_name} {ours} and of {their_name} {theirs} differ in order'
    else:
        how = f'the classes of {our_name} {ours} and of {their_name} {theirs} differ in name'
    raise UserError(f'{how[0].upper()}{how[1:]}; choose the same classes by metainfo=dict(classes=...) of both.')
