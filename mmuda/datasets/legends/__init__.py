"""Legends of land cover products, as data files.

Imports ``structures`` and ``utils``.
"""

import json
import os
from pathlib import Path

from mmuda.structures import IGNORE_INDEX
from mmuda.utils.errors import UserError
from mmuda.utils.metainfo import check_metainfo

IGNORE = 'ignore'
FOLDER = Path(__file__).parent
NAMES = tuple(sorted(file.stem for file in FOLDER.glob('*.json')))


def read_legend(name: str | os.PathLike) -> tuple[tuple[str, ...], dict[int, int]]:
    """Classes, and the class index of each code of a product.

    Args:
        name: One of ``NAMES`` (``chesapeake``, ``enviroatlas``, ``nlcd``: Low2High's merged taxonomy, Table S1), or
            your own JSON file: ``{"classes": [...], "codes": {"11": {"name": "open water", "becomes": "water"}}}``;
            codes that become ``"ignore"`` are ignored.

    Returns:
        Names of the classes, and code -> class index or 255.

    Raises:
        UserError: If there is no such legend, or it is invalid.
    """
    path = FOLDER / f'{name}.json' if str(name) in NAMES else Path(name)
    try:
        legend = json.loads(path.read_text(encoding='utf-8-sig'))
        check_metainfo(legend, f'the legend {path}')
        if not isinstance(legend['classes'], list):
            raise TypeError(f'"classes" is {legend["classes"]!r}')
        classes = tuple(legend['classes'])
        becomes = {int(code): entry['becomes'] for code, entry in legend['codes'].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(
            f'the legend {name} cannot be read ({type(error).__name__}: {error}); give one of {", ".join(NAMES)}, or a '
            'JSON file with "classes" and "codes"'
        ) from error
    for code, one in becomes.items():
        if one not in (*classes, IGNORE) or not 0 <= code <= 255:
            raise UserError(
                f'the legend {path} says that {code} becomes {one!r}; codes lie in 0..255 and become one of {classes} '
                f'or {IGNORE!r}'
            )
    return classes, {code: IGNORE_INDEX if one == IGNORE else classes.index(one) for code, one in becomes.items()}
