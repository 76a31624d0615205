"""Fills the template of the page."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import mmuda
from mmuda.reports.places import colour_of, told_colours
from mmuda.reports.windows import colour_steps
from mmuda.utils.errors import UserError

if TYPE_CHECKING:
    from mmuda.reports.part import Part

TEMPLATES = Path(__file__).with_name('templates')
INSTALL = "python -m pip install '.[report]'"


def check_template_engine() -> None:
    """Refuse to begin what could not be written in the end.

    Raises:
        UserError: jinja2 is not installed.
    """
    try:
        import jinja2  # noqa: F401
    except ImportError as error:
        raise UserError(f'a report needs the package jinja2; run {INSTALL} in the checkout of mmuda') from error


def page_of(title: str, parts: Sequence[Part]) -> str:
    """The page as HTML.

    Args:
        title: Its title.
        parts: What it says, by pair.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    environment.globals.update(
        colour_of=colour_of,
        told_colours=told_colours,
        confidence_steps=colour_steps(),
        version=mmuda.__version__,
        written=datetime.now().strftime('%d %B %Y, %H:%M'),
    )
    style, script = ((TEMPLATES / name).read_text(encoding='utf-8') for name in ('page.css', 'page.js'))
    return environment.get_template('page.html').render(title=title, parts=parts, style=style, script=script)
