"""The wrapper: a segmentor plus a list of terms."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager

from mmengine.model import ModuleDict
from mmseg.structures import SegDataSample
from torch import Tensor, nn

from mmuda.models.adapters import BATCH_TAPS, MODULE_PREFIX, PARAMETERS_PREFIX, build_adapter
from mmuda.models.uncounted import refuse_uncounted
from mmuda.registry import MODELS, TERMS, VIEWS
from mmuda.structures import split_tap
from mmuda.utils.errors import UserError
from mmuda.utils.old_names import PHASES, renamed_argument, renamed_phase

from .batch_norm import SHARED, RunningStatistics
from .forward_context import TEACHER, ForwardContext
from .network_options import apply_network_options
from .plan import Stage
from .plan_executor import PlanExecutor
from .teacher import Teacher

DEFAULT_TERMS = {'supervised': dict(type='SupervisedTerm')}


@MODELS.register_module()
class DomainAdaptation(PlanExecutor):
    """Trains a segmentor on labelled source and unlabelled target imagery by the terms of its config.

    Args:
        segmentor: Config of any mmseg segmentor or of one of ours.
        terms: Configs by name. ``supervised`` on ``source`` is added by default (None removes it).
        views: Configs of additional views by name (None removes one).
        plan: Steps of the update plan; None updates the segmentor, then the discriminators.
        ema: ``dict(momentum=0.001)`` keeps a :class:`Teacher`, the exponential moving average of the segmentor, with
            the arguments of that class. ``evaluate=True`` predicts with it.
        adapter: Config of the segmentor adapter; None finds the one that handles the segmentor.
        batch_taps: Additional batch keys that terms may read as taps.
        batch_norm: Which streams and views update batch norm's running statistics: ``'shared'`` for all, or names such
            as ``'source'`` or ``'target'``; see :class:`RunningStatistics`.
        networks: ``channels_last`` and ``compile`` of single networks, see :func:`apply_network_options`.
        data_preprocessor: Config, usually of :class:`UDADataPreprocessor`.

    Example:
        >>> model = dict(
        ...     type='DomainAdaptation',
        ...     segmentor=dict(type='EncoderDecoder', ...),
        ...     terms=dict(output=dict(
        ...         type='AdversarialAlignment', source='source:prob', target='target:prob',
        ...         discriminator=dict(type='FCDiscriminator', in_channels=2),
        ...         loss=dict(type='GANLoss', gan_type='vanilla'))))
    """

    def __init__(
        self,
        segmentor: dict,
        terms: dict[str, dict | None] | None = None,
        views: dict[str, dict | None] | None = None,
        plan: list[dict] | None = None,
        ema: dict | None = None,
        adapter: dict | None = None,
        batch_taps: tuple[str, ...] = ('fine_image', 'cells'),
        networks: dict[str, dict] | None = None,
        batch_norm: str | Sequence[str] = SHARED,
        data_preprocessor: dict | None = None,
    ) -> None:
        cfgs = {**DEFAULT_TERMS, **(terms or {})}
        refuse_uncounted(dict(segmentor=segmentor, terms=cfgs))
        super().__init__(plan=plan, data_preprocessor=data_preprocessor or dict(type='UDADataPreprocessor'))
        self.segmentor = MODELS.build(segmentor)
        self.adapter = build_adapter(self.segmentor, adapter)
        # mmengine's, since init_weights does not reach through torch's. By name, since a config that was written out
        # has its keys sorted, and the order of building decides the initial weights.
        self.terms = ModuleDict({name: TERMS.build(cfg) for name, cfg in sorted(cfgs.items()) if cfg is not None})
        # A derived config removes a term with None; the stages it inherits may still name it.
        self.left_out = {name for name, cfg in cfgs.items() if cfg is None}
        self.views = {name: VIEWS.build(cfg) for name, cfg in (views or {}).items() if cfg is not None}
        for term in self.terms.values():
            self.views.update(term.views())
        self._add_views_of_views()
        self._refuse_old_phases()
        self.batch_taps = set(batch_taps)
        self.running_statistics = RunningStatistics(batch_norm)
        self._build_teacher(ema)
        self.compiled = apply_network_options(self, networks or {})
        self.check_stage(self.stage)

    def _refuse_old_phases(self) -> None:
        """Refuse a term that uses the old phase names: no step of the default plan would train it."""
        for name, term in self.terms.items():
            for phase in set(term.phases) & set(PHASES):
                raise UserError(f"The term '{name}' ({type(term).__name__}): {renamed_phase(f'{name}.{phase}')}.")

    def _add_views_of_views(self) -> None:
        pending = list(self.views.values())
        while pending:
            further = {name: view for name, view in pending.pop().views().items() if name not in self.views}
            self.views.update(further)
            pending += further.values()

    def _build_teacher(self, ema: dict | None) -> None:
        options = dict(ema or {})
        self.evaluate_teacher = options.pop('evaluate', False)
        for name, value in options.items():
            gone = renamed_argument(['ema'], name, value)
            if gone is not None:
                raise UserError(gone)
        self.teacher = None if ema is None else Teacher(self.segmentor, **options)

    @property
    def teacher_network(self) -> nn.Module:
        """The averaged segmentor.

        Raises:
            UserError: If the model has none.
        """
        if self.teacher is None:
            raise UserError(
                'A term or view asks for the teacher, but the model keeps none; give `ema=dict(momentum=...)`.'
            )
        return self.teacher.module

    def init_weights(self) -> None:
        """Initialise all networks, then start the teacher from the student."""
        super().init_weights()
        if self.teacher is not None:
            self.teacher.start(self.segmentor)

    # What the executor asks for.

    @property
    def phases(self) -> dict[str, tuple[str, ...]]:
        return {name: term.phases for name, term in self.terms.items()}

    def streams_of(self, names: list[str]) -> set[str]:
        return {view.partition(TEACHER)[0] for view in self.reads(names)} - set(self.views)

    def check_stage(self, stage: Stage) -> None:
        super().check_stage(stage)
        for view, taps in sorted(self.reads(self._names(stage)).items()):
            teacher = TEACHER in view
            if teacher:
                _ = self.teacher_network
            for tap in sorted(taps):
                self.adapter.check(self.segmentor, f'{view}:{tap}', self.batch_taps)
                self._check_readable(tap, 'teacher.module' if teacher else 'segmentor')
        self._check_weights(stage)

    def check_streams(self, stage: Stage, streams: Iterable[str]) -> None:
        super().check_streams(stage, streams)
        reads = self.reads(self._names(stage))
        forwarded = [view for view, taps in reads.items() if self._forwards_student(view, taps)]
        self.running_statistics.check(self.segmentor, forwarded, stage.name)
        if self.evaluate_teacher:
            self.teacher.check_statistics(any(TEACHER in view for view in reads), stage.name)

    def _names(self, stage: Stage) -> list[str]:
        """The losses ``term.phase`` that the steps of a stage propagate."""
        available = self.available_losses(stage)
        return [name for step in self.steps(stage) for name in step.names(available)]

    def _check_weights(self, stage: Stage) -> None:
        """Refuse losses that ignore the weights of pixels on a view whose labels carry them."""
        for name in self._names(stage):
            term = self.terms[name.rpartition('.')[0]]
            for address in sorted(term.reads(name.rpartition('.')[2])):
                view, tap = split_tap(address)
                if view not in self.views or tap not in ('label', 'supervised'):
                    continue
                if not self.views[view].is_weighted(self.views):
                    continue
                if not term.honours_weights:
                    raise UserError(
                        f"The term '{name.rpartition('.')[0]}' ({type(term).__name__}) ignores the weights of pixels "
                        f"that the labels of the view '{view}' carry; use a SupervisedTerm or TapCrossEntropy there, "
                        'or a view without weights.'
                    )
                if tap == 'supervised':
                    self.adapter.check_weights(self.segmentor, view)

    def _check_readable(self, tap: str, network: str) -> None:
        """Refuse a tap on a submodule of a compiled network: hooks are not part of its graph."""
        path = f'{network}.{tap.removeprefix(MODULE_PREFIX)}'
        for network in self.compiled if tap.startswith(MODULE_PREFIX) else []:
            if path == network or path.startswith(f'{network}.'):
                raise UserError(
                    f"Tap '{tap}' lies inside '{network}', which is compiled and would not give it; take this network "
                    'out of `networks`, or read a declared tap such as features.0.'
                )

    def _forwards_student(self, view: str, taps: set[str]) -> bool:
        """Whether reading these taps forwards the view through the segmentor itself."""
        from_batch = {*BATCH_TAPS, *self.batch_taps}
        needs = any(tap not in from_batch and not tap.startswith(PARAMETERS_PREFIX) for tap in taps)
        of_teacher = TEACHER in view or (view in self.views and self.views[view].network == 'teacher')
        return needs and not of_teacher

    def reads(self, names: list[str]) -> dict[str, set[str]]:
        """Taps by view that the losses ``names`` read, with what their views are built from."""
        pending = set()
        for name in names:
            term, _, phase = name.rpartition('.')
            pending |= self.terms[term].reads(phase)
        return self.with_parents(pending)

    def with_parents(self, addresses: Iterable[str]) -> dict[str, set[str]]:
        """Taps ``'view:tap'`` by view, with what their views are built from."""
        pending, reads = set(addresses), {}
        while pending:
            view, tap = split_tap(pending.pop())
            base = view.partition(TEACHER)[0]
            if view not in reads and base in self.views:
                pending |= set(self.views[base].reads())
            reads.setdefault(view, set()).add(tap)
        return reads

    def stage_views(self) -> set[str]:
        """The views that the current stage builds."""
        return {view.partition(TEACHER)[0] for view in self.reads(self._names(self.stage))} & set(self.views)

    def statistics(self, network: nn.Module, view: str) -> AbstractContextManager[None]:
        """While ``view`` is forwarded through the segmentor or the teacher: which running statistics are updated."""
        if network is self.segmentor:
            return self.running_statistics.of(network, view)
        return self.teacher.keeping_statistics()

    def build_context(
        self, batch: dict, names: list[str], autocast: Callable[[], AbstractContextManager]
    ) -> ForwardContext:
        return ForwardContext(self, batch, self.reads(names), autocast)

    def losses(self, term: str, phase: str, context: ForwardContext) -> dict[str, Tensor]:
        return self.terms[term].losses(phase, context)

    def after_plan(self) -> None:
        if self.teacher is None:
            return
        if self._averages_in(self.stage):
            self.teacher.update_parameters(self.segmentor)
        else:  # what the segmentor was before would only have to be forgotten
            self.teacher.start(self.segmentor)

    def _averages_in(self, stage: Stage) -> bool:
        """Not in a stage that leaves the teacher alone while another reads it."""
        of_all = [f'{name}.{phase}' for name, phases in self.phases.items() for phase in phases]
        by_stage, by_any = (
            any(TEACHER in view for view in self.reads(names)) for names in (self._names(stage), of_all)
        )
        return self.evaluate_teacher or by_stage or not by_any

    # Prediction is the segmentor's.

    @property
    def out_channels(self) -> int:
        """Channels of the logits; asked by mmseg's test-time augmentation."""
        return self.segmentor.out_channels

    @property
    def decode_head(self) -> nn.Module:
        """The segmentor's head; asked by mmseg's test-time augmentation."""
        return self.segmentor.decode_head

    def forward(self, inputs: Tensor, data_samples: list[SegDataSample] | None = None, mode: str = 'tensor'):
        """mmseg's forward of the segmentor (or of the teacher with ``ema=dict(evaluate=True)``).

        Args:
            inputs: Normalised images, (N, C, H, W).
            data_samples: The samples; ``predict`` fills ``pred_sem_seg`` on each sample's ``ori_shape`` grid.
            mode: ``'tensor'``, ``'predict'`` or ``'loss'``.
        """
        network = self.teacher_network if self.evaluate_teacher and not self.training else self.segmentor
        return network(inputs, data_samples, mode=mode)
