"""Watches which taps a part reads, which graphs it keeps and in which precision it computes."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from mmuda.models.wrappers.forward_context import TEACHER
from mmuda.structures import split_tap

HALF = (torch.float16, torch.bfloat16)


class DeclaredContext:
    """A context that gives only declared taps.

    Args:
        context (ForwardContext): The wrapped context.
        reads: The declared addresses.
        part: How messages name the part.
        where: The phase or method that reads, for messages.
    """

    def __init__(self, context: Any, reads: set[str], part: str, where: str) -> None:
        self._context = context
        self._declared = set(reads)
        self._views = {split_tap(address)[0].partition(TEACHER)[0] for address in reads}
        self._part, self._where = part, where

    def __getattr__(self, name: str) -> Any:
        if name.startswith('_'):
            raise AssertionError(
                f"{self._part} must read by the context's public names: {self._where} reaches for '{name}'."
            )
        return getattr(self._context, name)

    def _refuse(self, what: str) -> None:
        raise AssertionError(
            f'{self._part} must read only what it declares: {self._where} reads {what}, and `reads` declares '
            f'{sorted(self._declared)}.'
        )

    def tap(self, address: str) -> Tensor:
        if address not in self._declared:
            self._refuse(f"'{address}'")
        return self._context.tap(address)

    def batch(self, view: str) -> dict:
        if view not in self._views:
            self._refuse(f"the batch of '{view}'")
        return self._context.batch(view)

    def validity(self, view: str, like: Tensor) -> Tensor | None:
        if view.partition(TEACHER)[0] not in self._views:
            self._refuse(f"where '{view}' holds data")
        return self._context.validity(view, like)

    def size(self, view: str) -> tuple[int, int]:
        if view.partition(TEACHER)[0] not in self._views:
            self._refuse(f"the size of '{view}'")
        return self._context.size(view)

    def outputs(self, view: str) -> Any:
        return self._refuse(f"all taps of '{view}'")

    def supervised_losses(self, view: str) -> dict[str, Tensor]:
        if f'{view}:supervised' not in self._declared:
            self._refuse(f"'{view}:supervised'")
        return self._context.supervised_losses(view)


class HalfPrecisionWatch(TorchDispatchMode):
    """Collects the names of operations whose result has half precision.

    Attributes:
        found: The names.
    """

    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        if any(tensor.dtype in HALF for tensor in tensors_in(result)):
            self.found.add(func.name().removeprefix('aten::'))
        return result


def tensors_in(value: Any) -> Iterator[Tensor]:
    """All tensors of nested lists and mappings."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, (list, tuple, set, deque)):
        for item in value:
            yield from tensors_in(item)
    elif isinstance(value, Mapping):
        yield from tensors_in(list(value.values()))


def kept_graphs(part: nn.Module) -> list[str]:
    """Names of attributes and buffers that hold a tensor with a graph."""
    return [
        f'{path}.{name}' if path else name
        for path, module in part.named_modules()
        for name, value in {**vars(module), **module._buffers}.items()
        if name not in ('_parameters', '_modules', '_buffers')
        and any(tensor.grad_fn is not None for tensor in tensors_in(value))
    ]


def reaches(losses: list[Tensor], parameters: list[nn.Parameter]) -> bool:
    """Whether the graph of the losses reaches one of the parameters."""
    wanted = {id(parameter) for parameter in parameters}
    pending, seen = [loss.grad_fn for loss in losses], set()
    while pending:
        node = pending.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        if id(getattr(node, 'variable', None)) in wanted:
            return True
        pending += [following for following, _ in node.next_functions]
    return False
