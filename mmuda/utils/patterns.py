"""Selects parameter names by patterns."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase

from mmuda.utils.errors import UserError


def matches(name: str, pattern: str) -> bool:
    """Whether a dotted name equals the pattern, is below it, or matches it with ``*`` as wildcard.

    ``matches('terms.pixel.discriminator.model.0.weight', 'terms.*.discriminator')`` is True.
    """
    return fnmatchcase(name, pattern) or fnmatchcase(name, f'{pattern}.*')


def select(names: Iterable[str], patterns: Iterable[str], what: str) -> list[str]:
    """Names that match at least one pattern, in their original order.

    Args:
        names: Candidates.
        patterns: Patterns as in :func:`matches`; one with a leading ``!`` removes names; if it comes first, it removes
            them from all.
        what: What the patterns are, for the error.

    Raises:
        UserError: If a pattern matches no name.
    """
    names, patterns = list(names), list(patterns)
    picked = set(names) if patterns and patterns[0].startswith('!') else set()
    for pattern in patterns:
        hits = {name for name in names if matches(name, pattern.lstrip('!'))}
        if not hits:
            heads = sorted({'.'.join(name.split('.')[:2]) for name in names})
            raise UserError(f"{what}: the pattern '{pattern}' matches nothing; name one of {', '.join(heads)}.")
        picked = picked - hits if pattern.startswith('!') else picked | hits
    return [name for name in names if name in picked]
