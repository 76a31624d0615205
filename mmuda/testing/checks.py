"""Checks of a term, a view and a segmentor."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from mmuda.models.adapters import build_adapter
from mmuda.registry import MODELS, VIEWS
from mmuda.utils.errors import UserError
from mmuda.utils.seeds import mix_seed, seeded
from mmuda.utils.setup_env import register_all_modules

from .ranks import check_ranks
from .rules import check_phases, check_precision, check_resume, require
from .toy import segmentor as toy_segmentor
from .trial import NAME, Case, Trial, at_iteration
from .watching import DeclaredContext

STREAMS = dict(source=dict(), target=dict(labelled=False, gain=0.5))
EMA = dict(momentum=0.1)


def term_case(
    cfg: dict,
    *,
    segmentor: dict | None = None,
    streams: dict[str, dict] | None = None,
    views: dict[str, dict] | None = None,
    batch_taps: Sequence[str] = ('fine_image', 'cells'),
    trains: Sequence[str] | None = None,
) -> Case:
    """What :func:`check_term` checks, for :func:`check_ranks`; arguments as there."""
    terms = {NAME: cfg}
    if 'source' not in (streams or STREAMS):
        terms['supervised'] = None
    model = dict(terms=terms, views=views or {}, batch_taps=tuple(batch_taps))
    return _case(f'Term {cfg["type"]}', model, segmentor, streams, None if trains is None else tuple(trains))


def check_term(cfg: dict, *, ranks: bool = True, **options) -> None:
    """Check the rules for every term, on a toy segmentor and random images of 16 pixels.

    A term reads only the taps that ``reads`` declares. Its losses are finite scalars; those that train have ``loss`` in
    their names and reach the segmentor. A detached step leaves no graph, a run resumes bit by bit, bfloat16 autocast
    leaves the losses in float32, and two ranks stay equal. Each check takes a few iterations.

    Args:
        cfg: Config of the term, with networks as small as possible. The toy segmentor has 3 classes and the taps
            ``features.0`` and ``features.1`` of 4 channels.
        ranks: Also start two processes (some seconds). They import the modules of the classes that the config names.
        **options: ``segmentor`` and ``views``: configs, as :class:`DomainAdaptation` takes them; ``streams``: configs
            of datasets by stream, of :class:`ToyDataset` if they name no type (default: a labelled ``source``, an
            unlabelled ``target``); ``batch_taps``: additional keys of the batch; ``trains``: the phases whose losses
            must reach the segmentor (default: all but ``discriminator``).

    Raises:
        AssertionError: Naming the term and the rule that it breaks.

    Example:
        >>> check_term(dict(type='CategoryAlignment', source='source:features.1', target='target:features.1'))
    """
    case = term_case(cfg, **options)
    trial = Trial(case)
    check_phases(case, trial)
    check_precision(case.part, trial)
    check_resume(case)
    if ranks:
        check_ranks(case)


def view_case(
    cfg: dict,
    *,
    segmentor: dict | None = None,
    streams: dict[str, dict] | None = None,
    views: dict[str, dict] | None = None,
) -> Case:
    """What :func:`check_view` checks, for :func:`check_ranks`; arguments as there."""
    part = f'View {cfg["type"]}'
    model = dict(views={**(views or {}), NAME: cfg})
    register_all_modules()
    view = VIEWS.build(dict(cfg))
    require(
        view.network in ('student', 'teacher'),
        f"{part} must be forwarded by the 'student' or the 'teacher': its network is {view.network!r}.",
    )
    # Its reader decides how far it is forwarded.
    model['terms'] = {NAME: dict(type='ForwardTerm', tap=f'{NAME}:image')}
    batch = _built(Trial(_case(part, model, segmentor, streams, ())))
    term = dict(type='ForwardTerm', tap=f'{NAME}:logits' if 'inputs' in batch else f'{NAME}:label')
    if view.network == 'student' and 'inputs' in batch:
        if all('gt_sem_seg' in sample for sample in batch['data_samples']):
            term = dict(type='SupervisedTerm', view=NAME)
        else:
            loss = dict(type='EntropyLoss')
            term = dict(type='TapLoss', tap=f'{NAME}:prob', loss=loss)
    model['terms'] = {NAME: term}
    return _case(part, model, segmentor, streams, () if term['type'] == 'ForwardTerm' else None)


def check_view(cfg: dict, *, ranks: bool = True, **options) -> None:
    """Check the rules for every view, on a toy segmentor and random images of 16 pixels.

    A view reads only what ``reads`` declares. It builds a batch of images (N, C, H, W) and N samples, or of samples
    alone: the same batch from the same seed, in float32, and without a graph in a detached step. A term that reads the
    view trains the segmentor, resumes bit by bit, computes in float32 under bfloat16 autocast and stays equal on two
    ranks.

    Args:
        cfg: Config of the view.
        ranks: As :func:`check_term`.
        **options: ``segmentor``, ``streams``, ``views``: as :func:`check_term`.

    Raises:
        AssertionError: Naming the view and the rule that it breaks.
    """
    case = view_case(cfg, **options)
    trial = Trial(case)
    batch, again = _built(trial), _built(trial)
    for key in [key for key, value in batch.items() if isinstance(value, Tensor)]:
        require(
            torch.equal(batch[key], again[key]),
            f"{case.part} must build the same batch from the same seed: '{key}' differs.",
        )
    carrying = [key for key, value in _built(trial, detached=True).items() if getattr(value, 'requires_grad', False)]
    require(not carrying, f'{case.part} must leave no graph in a detached step: {", ".join(carrying)} carries one.')
    check_phases(case, trial)
    check_precision(case.part, trial)
    check_resume(case)
    if ranks:
        check_ranks(case)


def _built(trial: Trial, detached: bool = False) -> dict:
    """The batch of the view under test, built from declared taps only."""
    view, part = trial.model.views[NAME], trial.part
    context = trial.context([f'{NAME}.{phase}' for phase in trial.model.terms[NAME].phases])
    context = context.detach() if detached else context
    declared = DeclaredContext(context, view.reads(), part, 'build')
    with at_iteration(0), seeded(mix_seed('view')):
        batch = view.build(declared)
    samples = batch.get('data_samples')
    require(bool(samples), f"{part} must build 'data_samples', one for each image: there are none.")
    for key, value in batch.items():
        if isinstance(value, Tensor):
            require(
                value.ndim > 0 and len(value) == len(samples),
                f"{part} must build one entry for each sample: '{key}' is {tuple(value.shape)}, samples are "
                f'{len(samples)}.',
            )
    images = batch.get('inputs')
    if images is not None:
        require(
            images.ndim == 4 and images.dtype == torch.float32 and bool(torch.isfinite(images).all()),
            f'{part} must build finite float32 images (N, C, H, W): they are {images.dtype} {tuple(images.shape)}.',
        )
    return batch


def segmentor_case(cfg: dict, *, streams: dict[str, dict] | None = None) -> Case:
    """What :func:`check_segmentor` checks, for :func:`check_ranks`; arguments as there."""
    model = dict(terms={NAME: dict(type='SupervisedTerm'), 'supervised': None})
    return _case(f'Segmentor {cfg["type"]}', model, cfg, streams, None)


def check_segmentor(cfg: dict, *, ranks: bool = True, streams: dict[str, dict] | None = None) -> None:
    """Check the rules for every segmentor, on random images.

    A registered adapter reads it, and it builds on the meta device. The taps that it offers have the right shapes, and
    its losses come from the same forward. ``predict`` gives (classes, H, W) on the grid of the sample. A run with its
    own losses trains it, resumes bit by bit, computes them in float32 under bfloat16 autocast and stays equal on two
    ranks.

    Args:
        cfg: Config of the segmentor for 3 classes, with networks as small as possible.
        ranks: As :func:`check_term`.
        streams: As :func:`check_term`.

    Raises:
        AssertionError: Naming the segmentor and the rule that it breaks.
    """
    case = segmentor_case(cfg, streams=streams)
    part = case.part
    register_all_modules()
    try:
        with torch.device('meta'):
            segmentor = MODELS.build(dict(cfg))
    except (UserError, NotImplementedError, RuntimeError) as error:
        raise AssertionError(f'{part} must build on the meta device: {error}') from error
    try:
        build_adapter(segmentor)
    except UserError as error:
        raise AssertionError(f'{part} must have a registered adapter: {error}') from error
    trial = Trial(case)
    _check_taps(part, trial)
    _check_prediction(part, trial)
    check_phases(case, trial)
    check_precision(part, trial)
    check_resume(case)
    if ranks:
        check_ranks(case)


def _check_taps(part: str, trial: Trial) -> None:
    """Every offered tap exists and has the right shape, and the losses need no second forward."""
    segmentor, adapter = trial.model.segmentor, trial.model.adapter
    batch = trial.model.data_preprocessor(trial.batch(0), training=True)['source']
    offered = [name for pattern in adapter.offered(segmentor) for name in _names(pattern)]
    if 'fine_image' in offered and 'fine_image' not in batch:
        offered.remove('fine_image')
    outputs = adapter.forward(segmentor, 'source', batch, {'supervised', *offered})
    count = len(batch['data_samples'])
    for name in offered:
        try:
            tap = outputs.tap(name)
        except UserError as error:
            raise AssertionError(
                f"{part} must give each tap that its adapter offers: '{name}' is not there."
            ) from error
        require(
            tap.ndim == 4 and len(tap) == count,
            f"{part} must give taps (N, C, h, w): '{name}' is {tuple(tap.shape)} with N = {count}.",
        )
    channels = outputs.tap('logits').shape[1]
    require(
        channels == segmentor.out_channels,
        f"{part} must give logits of out_channels = {segmentor.out_channels} classes: the tap 'logits' has {channels}.",
    )
    calls: list[str] = []
    hooks = [
        module.register_forward_pre_hook(lambda *_, name=name: calls.append(name))
        for name, module in segmentor.named_modules()
        if isinstance(module, (nn.Conv2d, nn.Linear))
    ]
    adapter.supervised_losses(segmentor, outputs)
    for hook in hooks:
        hook.remove()
    require(
        not calls,
        f'{part} must take its losses from the forward that gave the taps: they run {", ".join(calls[:3])} again.',
    )


def _names(pattern: str) -> list[str]:
    """Names that match the pattern of a tap: index 0, and each alternative of ``(logits|prob)``."""
    name = pattern.replace(r'-?\d+', '0').replace(r'\d+', '0').replace('\\', '')
    head, bracket, rest = name.partition('(')
    choices, _, tail = rest.partition(')')
    return [f'{head}{choice}{tail}' for choice in choices.split('|')] if bracket else [name]


def _check_prediction(part: str, trial: Trial) -> None:
    """A prediction has the grid of its sample, whatever the size of the input."""
    model = trial.model
    batch = model.data_preprocessor(trial.batch(0), training=True)['source']
    height, width = 2 * batch['inputs'].shape[-2] + 1, batch['inputs'].shape[-1] + 3
    for sample in batch['data_samples']:
        sample.set_metainfo(dict(ori_shape=(height, width), img_shape=tuple(batch['inputs'].shape[-2:])))
    model.eval()
    with torch.no_grad():
        predicted = model(batch['inputs'], batch['data_samples'], mode='predict')
    model.train()
    wanted = dict(seg_logits=(model.segmentor.out_channels, height, width), pred_sem_seg=(1, height, width))
    for name, shape in wanted.items():
        found = tuple(predicted[0].get(name).data.shape) if name in predicted[0] else None
        require(found == shape, f"{part} must predict on the grid of the sample: '{name}' is {found}, not {shape}.")


def _case(
    part: str, model: dict, segmentor: dict | None, streams: dict[str, dict] | None, trains: tuple[str, ...] | None
) -> Case:
    """A case with the parts that all share; it has a teacher, for parts that read it."""
    register_all_modules()
    model = dict(type='DomainAdaptation', segmentor=segmentor or toy_segmentor(), ema=EMA, **model)
    streams = {name: dict(cfg, type=cfg.get('type', 'ToyDataset')) for name, cfg in (streams or STREAMS).items()}
    return Case(part, model, streams, trains)
