"""Validates the options of a raster dataset."""

import math
from collections.abc import Mapping, Sequence
from numbers import Integral, Real

from mmuda.datasets.raster.labels import LabelTable
from mmuda.datasets.raster.polygons import PolygonClasses
from mmuda.structures import IGNORE_INDEX
from mmuda.utils.errors import UserError


def check_gsd(gsd: float | None, owner: str) -> None:
    """Refuse a ground sample distance that is not a positive, finite number.

    Raises:
        UserError: As above.
    """
    if gsd is not None and not (_is_number(gsd) and 0 < gsd < math.inf):
        raise UserError(f'gsd={gsd!r} of {owner} must be a positive number of metres per pixel.')


def check_range(value_range: Sequence | None, owner: str, bands: Sequence[int] | None = None) -> None:
    """Refuse a value range that is neither (low, high) nor such a pair for each band.

    Args:
        value_range: The range; None gives none.
        owner: The dataset.
        bands: Bands that are read; None is all.

    Raises:
        UserError: As above.
    """
    if value_range is None:
        return
    by_band = has_range_by_band(value_range)
    if not all(map(_is_range, value_range if by_band else [value_range])):
        raise UserError(
            f'value_range={value_range!r} of {owner} must be (low, high) with low < high, or such a pair for each band.'
        )
    if by_band and bands is not None:
        check_count_of_ranges(value_range, len(bands), owner)


def has_range_by_band(value_range: object) -> bool:
    """Whether a value range is one of pairs, one for each band."""
    return _is_sequence(value_range) and bool(value_range) and all(map(_is_sequence, value_range))


def check_count_of_ranges(value_range: Sequence, bands: int, owner: str) -> None:
    """Refuse ranges by band that are not as many as the bands.

    Raises:
        UserError: As above.
    """
    if has_range_by_band(value_range) and len(value_range) != bands:
        raise UserError(
            f'value_range of {owner} has {len(value_range)} pairs for {bands} band(s); give one pair (low, high) for '
            'all bands, or one for each, in the order of bands.'
        )


def _is_sequence(value: object) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)


def _is_range(value: object) -> bool:
    ends = value if _is_sequence(value) else ()
    return len(ends) == 2 and all(_is_number(end) and math.isfinite(end) for end in ends) and ends[0] < ends[1]


def check_choice(name: str, value: str, choices: Sequence[str]) -> None:
    """Refuse a value that is not one of the choices of an option.

    Raises:
        UserError: As above.
    """
    if value not in choices:
        raise UserError(f'{name}={value!r} of a RasterDataset is unknown; choose one of {", ".join(choices)}.')


def check_indices(indices: int | Sequence[int] | None, items: int, owner: str) -> None:
    """Refuse a choice of items that are not there.

    Args:
        indices: Indices of items, or a number of items; None chooses all.
        items: Number of items that there are.
        owner: The dataset.

    Raises:
        UserError: As above.
    """
    chosen = range(indices) if isinstance(indices, int) else indices or ()
    wrong = [index for index in chosen if not isinstance(index, Integral) or not 0 <= index < items]
    if wrong or isinstance(indices, int) and indices < 1:
        raise UserError(
            f'indices={indices!r} of {owner} chooses items that are not there; it has {items}, so give a number up to '
            f'{items}, or a list of 0 to {items - 1}.'
        )


def check_label_options(values: Mapping | None, colours: Mapping | None, band: int | None, owner: str) -> None:
    """Refuse ``label_values``, ``label_colours`` and ``label_band`` if they are invalid or exclude each other.

    Raises:
        UserError: As above.
    """
    check_label_band(band, owner)
    check_label_mappings(values, colours, owner)
    if colours is not None and (values is not None or band is not None):
        raise UserError(
            f'label_colours of {owner} goes by colours, label_values and label_band by values; give one of them.'
        )


def check_label_band(band: int | None, owner: str) -> None:
    """Refuse a band that is not a whole number from 1 up.

    Raises:
        UserError: As above.
    """
    if band is not None and (not isinstance(band, Integral) or isinstance(band, bool) or band < 1):
        raise UserError(f'label_band={band!r} of {owner} must be one band, counted from 1; give e.g. label_band=1.')


def check_label_mappings(values: Mapping | None, colours: Mapping | None, owner: str) -> None:
    """Refuse ``label_values`` and ``label_colours`` that are not dicts, or whose values or indices are not numbers.

    Raises:
        UserError: As above.
    """
    for name, given, example in (
        ('label_values', values, '{0: 0, 255: 1}'),
        ('label_colours', colours, '{(255, 0, 0): 0}'),
    ):
        if given is None:
            continue
        if not isinstance(given, Mapping):
            raise UserError(f'{name}={given!r} of {owner} must be a dict, e.g. {example}.')
        for key, index in given.items():
            number = name == 'label_colours' or _is_number(key)
            if not number or not isinstance(index, Integral):
                raise UserError(
                    f'{name} of {owner} maps {key!r} to {index!r}; give '
                    f'{"numbers" if name == "label_values" else "colours"} and class indices, e.g. {example}.'
                )


def polygon_classes(options: Mapping | None, classes: Sequence[str], table: LabelTable, owner: str) -> PolygonClasses:
    """What the polygons of vector labels mean, by the option ``label_polygons`` of a dataset.

    Args:
        options (Mapping | None): ``attribute``: name of the attribute that tells a polygon's class; None if all
            polygons are of one class. ``classes``: without an attribute, the name of that class (by default the only
            one besides the background); with one, a dict of value -> name of a class, or None, which ignores the
            polygon. Values that are names of classes need not be listed. ``background``: name of the class of ground
            that no polygon covers, by default the first one; None ignores it. ``all_touched``: False (default) burns
            pixels whose centre is inside a polygon, True all that it touches. ``layer``: of a file with several.
        classes (Sequence[str]): Names of the classes of the files.
        table (LabelTable): Training labels of their indices.
        owner (str): The dataset, for errors.

    Raises:
        UserError: The options are invalid, or name a class that the dataset has not.
    """
    known = dict(attribute=None, classes=None, background=classes[0], all_touched=False, layer=None)
    if options is not None and (not isinstance(options, Mapping) or not set(options) <= set(known)):
        raise UserError(
            f'label_polygons={options!r} of {owner}; give dict({", ".join(f"{key}=..." for key in known)}), or some of '
            'these'
        )
    given = {**known, **(options or {})}

    def label_of(name: str | None) -> int:
        if name is not None and name not in classes:
            raise UserError(
                f'label_polygons of {owner} names the class {name!r}; give one of {", ".join(classes)}, or None to '
                'ignore these pixels'
            )
        return IGNORE_INDEX if name is None else int(table.lut[list(classes).index(name)])

    background, named = label_of(given['background']), given['classes']
    if given['attribute'] is None:
        others = [name for name in classes if name != given['background']]
        if named is None and len(others) != 1 or isinstance(named, Mapping):
            raise UserError(
                f'label_polygons of {owner} does not say which of {", ".join(classes)} a polygon is; give attribute, '
                'the name of the attribute that tells it, or classes, the name of the class that all polygons are'
            )
        labels = {'': label_of(named or others[0])}
    else:
        if named is not None and not isinstance(named, Mapping):
            raise UserError(f'classes={named!r} in label_polygons of {owner} must be a dict of value -> class name')
        labels = {name: label_of(name) for name in classes}
        labels |= {str(value): label_of(name) for value, name in (named or {}).items()}
    return PolygonClasses(labels, background, given['attribute'], bool(given['all_touched']), given['layer'])


def _is_number(value: object) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)
