"""The forwards of one step: each stream or view runs once, and only as far as it is read."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor

from mmuda.models.adapters import PARAMETERS_PREFIX
from mmuda.structures import PERTURBATION, DomainOutputs, pixel_weights, split_tap, validity
from mmuda.utils.errors import UserError

TEACHER = '@teacher'


class ForwardContext:
    """Gives taps to terms and views; forwards a stream or view when its first tap is read.

    Args:
        model (DomainAdaptation): The model with segmentor, teacher, adapter and views.
        streams: Batches by stream, as the data preprocessor gives them.
        reads: Taps to compute by view: everything read by the steps that share this context.
        autocast: Creates the mixed-precision context of the forwards.
        detached: Taps carry no graph.
    """

    def __init__(
        self,
        model,
        streams: dict[str, dict],
        reads: dict[str, set[str]],
        autocast: Callable[[], AbstractContextManager] = nullcontext,
        detached: bool = False,
    ) -> None:
        self._model = model
        self._streams = streams
        self._reads = reads
        self._autocast = autocast
        self._detached = detached
        self._batches: dict[str, dict] = dict(streams)
        self._outputs: dict[str, DomainOutputs] = {}

    @property
    def iteration(self) -> int:
        """The iteration of the run, counted from 0."""
        return self._model.iteration

    @property
    def data_preprocessor(self):
        """The model's data preprocessor, which turns normalised images into pixels of the raster and back."""
        return self._model.data_preprocessor

    def size(self, view: str) -> tuple[int, int]:
        """Height and width in pixels of the images of a stream or view, without forwarding it."""
        return tuple(self.batch(view.partition(TEACHER)[0])['inputs'].shape[-2:])

    def tap(self, address: str) -> Tensor:
        """The tensor at ``'view:tap'``."""
        view, name = split_tap(address)
        if name.startswith(PARAMETERS_PREFIX):
            return self._parameters(view, name[len(PARAMETERS_PREFIX) :])
        return self.outputs(view).tap(name)

    def _parameters(self, view: str, path: str) -> Tensor:
        """All parameters of a submodule of the view's network, as one vector."""
        parameters = self._network(view).get_submodule(path).parameters()
        vector = torch.cat([parameter.flatten() for parameter in parameters])
        return vector.detach() if self._detached else vector

    def batch(self, view: str) -> dict:
        """The batch of a stream or view, without forwarding it.

        Raises:
            UserError: If there is no such stream or view.
        """
        if view not in self._batches:
            if view not in self._model.views:
                raise UserError(
                    f"There is no stream or view '{view}': the loader gives {sorted(self._streams)}, the model has "
                    f'the views {sorted(self._model.views)}. Add the stream to the UDADataset or the view to the model.'
                )
            self._batches[view] = self._model.views[view].build(self)
        return self._batches[view]

    def validity(self, view: str, like: Tensor) -> Tensor | None:
        """Weights of a view's pixels on the grid of a tensor: 1, or 0 where the image holds no data.

        Args:
            view: Name of a stream or view.
            like: (..., h, w); the weights get its grid, dtype and device.

        Returns:
            (N, 1, h, w); None where every pixel holds data.
        """
        samples = self.batch(view.partition(TEACHER)[0]).get('data_samples') or []
        return validity(samples, tuple(like.shape[-2:]), like)

    def outputs(self, view: str) -> DomainOutputs:
        """All taps of a stream or view; forwards it on the first call."""
        if view not in self._outputs:
            self._outputs[view] = self._forward(view)
        return self._outputs[view]

    def supervised_losses(self, view: str) -> dict[str, Tensor]:
        """The segmentor's own losses on the labels of a stream or view.

        Raises:
            UserError: If the labels carry weights of pixels, which a loss ignores.
        """
        if pixel_weights(self.batch(view)['data_samples']) is not None:
            self._model.adapter.check_weights(self._model.segmentor, view)
        return self._model.adapter.supervised_losses(self._model.segmentor, self.outputs(view))

    def detach(self) -> ForwardContext:
        """The same forwards without their graph."""
        context = ForwardContext(self._model, self._streams, self._reads, self._autocast, detached=True)
        # A copy: a view that is built without a graph must not reach a step that trains through it.
        context._batches = dict(self._batches)
        context._outputs = {view: outputs.detach() for view, outputs in self._outputs.items()}
        return context

    def _network(self, view: str):
        """The student, or the teacher if the address or the view asks for it."""
        name, teacher, _ = view.partition(TEACHER)
        is_teacher = bool(teacher) or (name in self._model.views and self._model.views[name].network == 'teacher')
        return self._model.teacher_network if is_teacher else self._model.segmentor

    def _forward(self, view: str) -> DomainOutputs:
        batch = self.batch(view.partition(TEACHER)[0])
        if 'inputs' not in batch:
            # A stream without images (label maps of an exemplar set) has nothing to forward.
            extras = self._model.adapter.batch_extras(batch)
            return DomainOutputs(view=view, samples=batch['data_samples'], extras=extras)
        network = self._network(view)
        if network is not self._model.segmentor:
            batch = {key: value for key, value in batch.items() if key != PERTURBATION}
        elif PERTURBATION in batch and not self._model.adapter.perturbs_features:
            raise UserError(
                f"The view '{view}' changes features, which {type(self._model.adapter).__name__} ignores; let it use "
                'mmuda.structures.perturbed and set perturbs_features, or leave the view out.'
            )
        grad = torch.no_grad() if network is not self._model.segmentor or self._detached else nullcontext()
        with grad, self._autocast(), self._model.statistics(network, view):
            return self._model.adapter.forward(network, view, batch, self._reads.get(view, set()))
