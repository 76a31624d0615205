"""What a user says about the labels of a map or of the truth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class LabelOptions:
    """What the numbers, colours or polygons of a file mean; all is optional.

    Attributes:
        classes: Names of the file's classes in the order of their numbers. None takes GDAL's category names, else the
            classes that are scored.
        mapping: Class of the file -> class that is scored, by name; None and ``'ignore'`` leave pixels out.
        values: Number in the file, or value of ``attribute`` -> class of the file, or ``'ignore'``. None means that
            class 0 has the number 0, and that the attribute holds names of classes.
        colours: (red, green, blue), 0..255 -> class of the file, or ``'ignore'``, for files coded in colours.
        attribute: Attribute of a vector file that holds the class; None if all polygons are of one class.
        polygon_class: That class; None takes the only one besides the background.
        background: Class of ground that no polygon covers, ``'ignore'`` leaves it out; None takes the first class.
        layer: Layer of a vector file; None if it has one alone.
    """

    classes: Sequence[str] | None = None
    mapping: Mapping[str, str | None] | None = None
    values: Mapping[float | str, str] | None = None
    colours: Mapping[tuple[int, int, int], str] | None = None
    attribute: str | None = None
    polygon_class: str | None = None
    background: str | None = None
    layer: str | None = None
