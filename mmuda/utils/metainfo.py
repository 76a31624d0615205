"""Checks names and colours of classes given by a user or a file."""

import os
from collections.abc import Mapping

from mmuda.utils.errors import UserError

# 255 is no data.
MOST_CLASSES = 255


def check_metainfo(metainfo: Mapping, where: str) -> None:
    """Refuse class names that are not names, and colours that cannot be drawn.

    Args:
        metainfo: May have ``classes``, names; and ``palette``, (red, green, blue) from 0 to 255 by class.
        where: Where it comes from, for the error.

    Raises:
        UserError: Naming the entry, its value and what is right.
    """
    classes, palette = metainfo.get('classes'), metainfo.get('palette')
    if isinstance(classes, str) and not os.path.isfile(classes):  # mmseg takes a text for the name of a file
        raise UserError(
            f'classes={_short(classes)} of {where}: there is no file of this name; give a list of names, e.g. '
            "classes=('ground', 'roof')"
        )
    if classes is not None and not isinstance(classes, str):
        if not isinstance(classes, list | tuple) or not all(isinstance(name, str) and name.strip() for name in classes):
            raise UserError(f'classes={_short(classes)} of {where} are not names; give a list of texts')
        twice = sorted({name for name in classes if classes.count(name) > 1})
        if twice:
            raise UserError(f'classes of {where} have {", ".join(twice)} twice; give each class a name of its own')
    if palette is None or palette in ([], ()):
        return
    wrong = [colour for colour in palette if not _is_colour(colour)] if isinstance(palette, list | tuple) else [palette]
    if wrong:
        raise UserError(
            f'palette of {where} has {_short(wrong[0])}; give each class a colour (red, green, blue) of whole numbers '
            'from 0 to 255'
        )
    if len(palette) > MOST_CLASSES:
        raise UserError(f'palette of {where} has {len(palette)} colours; a map has at most {MOST_CLASSES} classes')
    if isinstance(classes, list | tuple) and len(palette) < len(classes):
        raise UserError(
            f'palette of {where} has {len(palette)} colours for {len(classes)} classes; give each class one, or leave '
            'the palette out'
        )


def _is_colour(colour) -> bool:
    numbers = isinstance(colour, list | tuple) and len(colour) == 3 and all(isinstance(v, int) for v in colour)
    return numbers and all(0 <= v <= 255 for v in colour)


def _short(value) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f'{text[:57]}...'
