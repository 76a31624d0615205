"""A model with one part under test, its optimisers and its random batches."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from mmengine.config import ConfigDict
from mmengine.logging import MessageHub
from torch import Tensor

from mmuda.engine.optimizers import NamedOptimWrapperConstructor
from mmuda.registry import DATASETS, MODELS
from mmuda.utils.patterns import matches
from mmuda.utils.seeds import mix_seed, seeded

NAME = 'checked'  # of the part in the model
DISCRIMINATOR_PHASE = 'discriminator'
SEGMENTOR_OPTIMIZER, DISCRIMINATOR_OPTIMIZER = 'segmentor', 'discriminator'
BATCH_SIZE = 2


@dataclass(frozen=True)
class Case:
    """What a check needs to know about a part.

    Attributes:
        part: How messages name it.
        model: Config of the model that contains it.
        streams: Configs of the datasets by stream.
        trains: Phases whose losses must reach the segmentor; None for all but ``discriminator``.
    """

    part: str
    model: dict
    streams: dict[str, dict]
    trains: tuple[str, ...] | None = None


class Trial:
    """Trains the model of a case for a few iterations, the same ones each time.

    Args:
        case: The case.
        seed: Determines the initial weights.
    """

    def __init__(self, case: Case, seed: int = 0) -> None:
        self.part = case.part
        with seeded(mix_seed('weights', seed)):
            self.model = MODELS.build(ConfigDict(copy.deepcopy(case.model)))
        self.datasets = {name: DATASETS.build(copy.deepcopy(cfg)) for name, cfg in case.streams.items()}
        owned: dict[str, list[str]] = {}
        for name, parameter in self.model.named_parameters():
            if parameter.requires_grad:
                is_discriminator = matches(name, 'terms.*.discriminator')
                owner = DISCRIMINATOR_OPTIMIZER if is_discriminator else SEGMENTOR_OPTIMIZER
                owned.setdefault(owner, []).append(name)
        sgd = dict(type='SGD', lr=1e-2, momentum=0.9)
        cfgs = {name: dict(params=params, optimizer=sgd) for name, params in owned.items()}
        self.optimizers = NamedOptimWrapperConstructor(cfgs)(self.model)

    def batch(self, iteration: int, rank: int = 0) -> dict[str, dict]:
        """The batch of an iteration, as a loader gives it: lists of images and samples by stream."""
        streams = {}
        with seeded(mix_seed('batch', iteration, rank)):
            for name, dataset in self.datasets.items():
                first = BATCH_SIZE * iteration + 3 * rank
                items = [dataset[(first + i) % len(dataset)] for i in range(BATCH_SIZE)]
                streams[name] = {key: [item[key] for item in items] for key in items[0]}
        return streams

    def context(
        self, losses: list[str], autocast: Callable[[], AbstractContextManager] = nullcontext, iteration: int = 0
    ) -> Any:
        """The forwards that the named losses (``term.phase``) read, on the batch of an iteration."""
        batch = self.model.data_preprocessor(self.batch(iteration), training=True)
        return self.model.build_context(batch, losses, autocast)

    def train(self, iterations: range, rank: int = 0) -> list[dict[str, Tensor]]:
        """What each iteration logs."""
        logs = []
        for iteration in iterations:
            with at_iteration(iteration), seeded(mix_seed('step', iteration, rank)):
                logs.append(self.model.train_step(self.batch(iteration, rank), self.optimizers))
        return logs

    def losses(self, iteration: int) -> dict[str, Tensor]:
        """Losses of the whole model on the batch of an iteration; nothing is trained."""
        names = self.model.available_losses(self.model.stage)
        with at_iteration(iteration), seeded(mix_seed('step', iteration)):
            context = self.context(names, iteration=iteration)
            found = {}
            for name in names:
                found.update(self.model.compute_losses(name, context))
        return {key: value.detach() for key, value in found.items()}

    def state(self) -> dict[str, dict]:
        """A copy of what a checkpoint holds: weights, buffers and optimisers."""
        return copy.deepcopy(dict(model=self.model.state_dict(), optimizers=self.optimizers.state_dict()))

    def load(self, state: dict[str, dict]) -> None:
        """Continue from what :meth:`state` gave.

        Raises:
            RuntimeError: If it does not fit.
        """
        self.model.load_state_dict(copy.deepcopy(state['model']))
        self.optimizers.load_state_dict(copy.deepcopy(state['optimizers']))


@contextmanager
def at_iteration(iteration: int) -> Iterator[None]:
    """Set the run's iteration to this one inside the block."""
    hub = MessageHub.get_current_instance()
    before = hub.get_info('iter', 0)
    hub.update_info('iter', iteration)
    try:
        yield
    finally:
        hub.update_info('iter', before)


def differences(ours: Any, theirs: Any, path: str = '') -> list[str]:
    """Paths where two nested states are not bitwise equal."""
    if isinstance(ours, dict):
        if ours.keys() != theirs.keys():
            return [f'{path}: keys {sorted(map(str, ours.keys() ^ theirs.keys()))}']
        return [found for key in ours for found in differences(ours[key], theirs[key], f'{path}/{key}')]
    if isinstance(ours, (list, tuple)):
        pairs = enumerate(zip(ours, theirs, strict=True))
        return [found for i, (a, b) in pairs for found in differences(a, b, f'{path}/{i}')]
    equal = torch.equal(ours, theirs) if isinstance(ours, Tensor) else ours == theirs
    return [] if equal else [path]
