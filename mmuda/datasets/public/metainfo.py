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

ISPRS_COLOURS = {tuple(colour): index for index, colour in enumerate(ISPRS_METAINFO['palette'])} | {(0, 0, 0): 255}
"""Colour in the labels as downloaded -> class index; the boundaries of eroded labels are black and ignored."""

MASSACHUSETTS_DOWNLOADS = (
    dict(
        FOLDERS=dict(img_path='{split}/sat', seg_map_path='{split}/map'),
        LABEL_VALUES={0: 0, 255: 1},
        SPLIT_NAMES=dict(val='valid'),
    ),
    dict(FOLDERS=dict(img_path='tiff/{split}', seg_map_path='tiff/{split}_labels'), LABEL_VALUES={0: 0, 255: 1}),
)
"""Layouts of both Massachusetts datasets: file by file from the author's page, and the copies on Kaggle."""

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
