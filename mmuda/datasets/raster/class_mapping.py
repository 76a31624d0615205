"""Maps the classes of label files to those of a config, name by name."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence

from mmuda.structures import IGNORE_INDEX
from mmuda.utils.errors import UserError

IGNORE = 'ignore'


def map_classes(
    file_classes: Sequence[str], classes: Sequence[str], mapping: Mapping[str, str | None] | None, owner: str
) -> dict[int, int]:
    """The class index in the config for each class index in the files.

    A class of the files that is not mapped keeps its name, and must be a class of the config.

    Args:
        file_classes: Names of the classes in the files, in the order of their indices.
        classes: Names of the config's classes.
        mapping: Name in the files -> name in the config. Several may map to one; None or ``'ignore'`` (unless a class
            of the config has this name) is ignored.
        owner: The dataset, for the error.

    Returns:
        Index in the files -> index in the config, or 255 for what is ignored; mmseg's ``label_map``.

    Raises:
        UserError: A name is unknown, or a class of the files is neither mapped nor a class of the config; names them
            all.
    """
    mapping = {} if mapping is None else mapping
    if not isinstance(mapping, Mapping):
        raise UserError(
            f"class_mapping={mapping!r} of {owner} must be a dict, e.g. dict(house='building', water=None)."
        )
    unknown = [name for name in mapping if name not in file_classes]
    if unknown:
        raise UserError(
            f'class_mapping of {owner} maps {", ".join(map(repr, unknown))}, but its files have the classes '
            f'{", ".join(file_classes)}{_hint(unknown[0], file_classes)}; set file_classes if they have others.'
        )
    wrong = {str(goal): name for name, goal in mapping.items() if not _is_goal(goal, classes)}
    if wrong:
        goal, name = next(iter(wrong.items()))
        raise UserError(
            f'class_mapping of {owner} maps {name!r} to {goal!r}, but the classes are {", ".join(classes)}'
            f'{_hint(goal, classes)}; None or {IGNORE!r} ignores a class.'
        )
    goals = {name: mapping.get(name, name) for name in file_classes}
    unmapped = [name for name in file_classes if name not in mapping and name not in classes]
    if unmapped:
        example = ', '.join(f'{name!r}: ...' for name in unmapped)
        raise UserError(
            f'{owner}: {", ".join(unmapped)} of its files are none of the classes {", ".join(classes)}; set '
            f'class_mapping={{{example}}} to the class that each counts for, or to None to ignore it.'
        )
    indices = {name: index for index, name in enumerate(classes)}
    return {index: indices.get(goals[name], IGNORE_INDEX) for index, name in enumerate(file_classes)}


def mapped_palette(
    palette: Sequence | None, file_classes: Sequence[str], classes: Sequence[str], label_map: Mapping[int, int]
) -> list:
    """Colours of the config's classes, from those of the files.

    Args:
        palette: Colours of the files' classes; None or [] if there are none.
        file_classes: Names of the classes in the files.
        classes: Names of the config's classes.
        label_map: From :func:`map_classes`.

    Returns:
        For each class the colour of that name, else of the first class that maps to it, else None.
    """
    colours: list = [None] * len(classes)
    for index, name in enumerate(file_classes if palette and len(palette) == len(file_classes) else ()):
        goal = label_map[index]
        if goal != IGNORE_INDEX and (colours[goal] is None or name == classes[goal]):
            colours[goal] = list(palette[index])
    return colours


def _is_goal(goal: object, classes: Sequence[str]) -> bool:
    return goal is None or goal == IGNORE or goal in classes


def _hint(name: str, names: Sequence[str]) -> str:
    close = difflib.get_close_matches(name, names, 1)
    return f' (did you mean {close[0]}?)' if close else ''
