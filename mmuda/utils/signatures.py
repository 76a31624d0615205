"""Finds the keyword arguments of a class, including those it passes on to its base classes."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

from torch import nn


@dataclass(frozen=True)
class Arguments:
    """Keyword arguments of a class or function.

    Attributes:
        names: Named arguments in order, its own before those of its bases.
        closed: Whether it takes no others.
    """

    names: tuple[str, ...]
    closed: bool


@cache
def arguments_of(target: Callable) -> Arguments:
    """Keyword arguments of a class or function.

    ``**kwargs`` are followed to the base class only if the constructor just passes them on. A constructor that ignores
    them takes none, and one that sets an argument of its base itself does not take that one. If it may use them in
    other ways, or its source is not available, any argument counts as allowed.
    """
    if not inspect.isclass(target):
        names, has_more = _named(target)
        return Arguments(names, closed=not has_more)
    names: list[str] = []
    settled: set[str] = set()
    for cls in target.__mro__:
        if cls is nn.Module or cls is object:  # neither takes any
            break
        if '__init__' not in vars(cls):
            continue
        own, has_more = _named(vars(cls)['__init__'])
        names += [name for name in own[1:] if name not in settled]  # without self
        if not has_more:
            break
        use = _use_of_kwargs(vars(cls)['__init__'])
        if use is None:
            return Arguments(tuple(dict.fromkeys(names)), closed=False)
        names += use.read
        settled |= use.settled
        if not use.handed_on:
            break
    return Arguments(tuple(dict.fromkeys(names)), closed=True)


def default_of(cls: type, name: str):
    """The default of a class's argument, in its own constructor or a base's; ``inspect.Parameter.empty`` if none."""
    for base in cls.__mro__:
        parameter = inspect.signature(vars(base)['__init__']).parameters.get(name) if '__init__' in vars(base) else None
        if parameter is not None:
            return parameter.default
    return inspect.Parameter.empty


def _named(function: Callable) -> tuple[tuple[str, ...], bool]:
    """Names in a function's signature, and whether it takes others."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # written in C
        return (), True
    kinds = inspect.Parameter
    names = tuple(p.name for p in parameters if p.kind in (kinds.POSITIONAL_OR_KEYWORD, kinds.KEYWORD_ONLY))
    return names, any(p.kind is kinds.VAR_KEYWORD for p in parameters)


class _Use(NamedTuple):
    """What a constructor does with its ``**kwargs``.

    Attributes:
        read: Entries that it reads.
        handed_on: Whether it passes the rest to a base.
        settled: Arguments that it passes to the base by name.
    """

    read: list[str]
    handed_on: bool
    settled: set[str]


def _use_of_kwargs(function: Callable) -> _Use | None:
    """Returns None if it may use them in any other way."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    except (OSError, TypeError, SyntaxError):
        return None
    definition = next((node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)), None)
    if definition is None or definition.args.kwarg is None:
        return None
    kwargs = definition.args.kwarg.arg
    parents = {child: node for node in ast.walk(definition) for child in ast.iter_child_nodes(node)}
    names, handed_on, settled = [], False, set()
    for node in ast.walk(definition):
        if not (isinstance(node, ast.Name) and node.id == kwargs):
            continue
        parent = parents[node]
        if isinstance(parent, ast.keyword) and parent.arg is None and _calls_base(parents[parent]):
            handed_on = True
            settled |= {keyword.arg for keyword in parents[parent].keywords if keyword.arg is not None}
        elif (name := _entry_of(node, parents)) is not None:
            names.append(name)
        else:
            return None
    return _Use(names, handed_on, settled)


def _calls_base(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == '__init__'


def _entry_of(node: ast.Name, parents: dict[ast.AST, ast.AST]) -> str | None:
    """The entry accessed by ``kwargs['x']``, ``kwargs.pop('x')``, ``'x' in kwargs`` and the like."""
    parent = parents[node]
    if isinstance(parent, ast.Subscript):
        return _text(parent.slice)
    if isinstance(parent, ast.Compare):
        return _text(parent.left)
    call = parents.get(parent)
    if isinstance(parent, ast.Attribute) and isinstance(call, ast.Call) and call.func is parent and call.args:
        return _text(call.args[0])
    return None


def _text(node: ast.AST) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None
