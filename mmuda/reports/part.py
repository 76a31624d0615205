"""Everything that the page says of the runs of one pair."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from mmuda.apis.same_test import check_same_test
from mmuda.reports.charts import Picture
from mmuda.reports.choice import Choice, choice_of, stopping_table
from mmuda.reports.confusion import Matrix, matrix_of
from mmuda.reports.curves import Curves, curves_of
from mmuda.reports.data import Stream, streams_of
from mmuda.reports.health import Health, healths_of
from mmuda.reports.methods import Grid, Method, classes_table, results_table, told
from mmuda.reports.places import colours_chart, map_of
from mmuda.reports.predicting import Model, Predictions, Window, predict
from mmuda.reports.run import Run
from mmuda.reports.settings import Settings, settings_of
from mmuda.reports.slider import Scene, scene_of
from mmuda.reports.windows import Row, rows_of
from mmuda.utils.errors import UserError, describe

PICTURES = 2
"""Windows of either end that are shown."""


@dataclass
class Part:
    """What the page says of one pair of a source and a target.

    Attributes:
        name: Name of the pair; '' if there is one alone.
        methods: The methods.
        missing: What could not be shown and why, one sentence each.
        streams: Images of the trainings and of the test.
        maps: Where they lie.
        colours: Their colours.
        results: Scores of the methods.
        classes: Scores by class.
        curves: What was logged.
        healths: Verdicts on the discriminators.
        discriminators: Their curves.
        stopping: Iterations that criteria would have chosen.
        settings: How the runs were made.
        predictions: Predictions of the first run of each method.
        choice: Criteria that need no labels.
        scene: A place with all maps.
        rows: Windows with their pictures.
        ranked: Name of the model by which these were chosen.
        matrices: Confusion matrices.
    """

    name: str
    methods: list[Method]
    missing: list[str] = field(default_factory=list)
    streams: list[Stream] = field(default_factory=list)
    maps: list[Picture] = field(default_factory=list)
    colours: Picture | None = None
    results: Grid | None = None
    classes: Grid | None = None
    curves: Curves | None = None
    healths: list[Health] = field(default_factory=list)
    discriminators: list[Picture] = field(default_factory=list)
    stopping: Grid | None = None
    settings: Settings | None = None
    predictions: Predictions | None = None
    choice: Choice | None = None
    scene: Scene | None = None
    rows: list[Row] = field(default_factory=list)
    ranked: str = ''
    matrices: list[Matrix] = field(default_factory=list)

    @property
    def validated_once(self) -> bool:
        """Whether scores were logged, but none more than once."""
        return not self.curves.scores and any('mIoU' in run.scalars for one in self.methods for run in one.runs)

    @property
    def headline(self) -> str:
        """The result in a sentence; '' without scores."""
        lines = [(method, method.line.mean) for method in self.methods]
        known = [(method, mean) for method, mean in lines if mean.mean is not None and not method.target_only]
        if not known:
            return ''
        method, mean = max(known, key=lambda one: one[1].mean)
        text = f'{method.name} reached {told(mean)} % mIoU on the target'
        first = self.methods[0]
        if method is first:
            return f'{text}.' if len(known) == 1 else f'{text}; no other method was better.'
        gain = sum(found := list(method.line.minus(first.line).values())) / max(len(found), 1)
        return f'{text}, {gain:+.1f} points over {first.name}.' if found else f'{text}.'


def part_of(name: str, methods: list[Method], windows: int, predictions: bool, report: Callable[[str], None]) -> Part:
    """Gather and draw everything.

    Args:
        name: Name of the pair.
        methods: The methods; the first does not adapt.
        windows: Largest number of windows to predict.
        predictions: Whether to predict at all.
        report: Called with lines on the progress.

    Raises:
        UserError: The methods have different test sets.
    """
    _check_comparable(methods)
    part = Part(name, methods, missing=_missing_of(methods))
    part.streams, unread = streams_of(methods)
    part.missing += unread
    shown = _shown_streams(part.streams, methods)
    part.maps, part.colours = map_of(shown), colours_chart(shown)
    part.results, part.classes = results_table(methods), classes_table(methods)
    part.curves = curves_of(methods)
    part.healths, part.discriminators = healths_of(methods)
    part.stopping, part.settings = stopping_table(methods), settings_of(methods)
    if predictions:
        _predict(part, windows, report)
    else:
        part.missing.append('no run was asked to predict, so there are no maps, windows and confusion matrices')
    return part


def _check_comparable(methods: Sequence[Method]) -> None:
    cfgs = {method.name: method.first.cfg for method in methods if method.first.cfg is not None}
    try:
        check_same_test(cfgs)
    except FileNotFoundError:  # the images are on another machine; scores can still be shown
        return


def _missing_of(methods: Sequence[Method]) -> list[str]:
    return [f'{_named(method, run)}: {text}' for method in methods for run in method.runs for text in run.missing]


def _named(method: Method, run: Run) -> str:
    return method.name if len(method.runs) == 1 else f'{method.name}, seed {run.seed}'


def _shown_streams(streams: Sequence[Stream], methods: Sequence[Method]) -> list[Stream]:
    """Without those that only a training on the target's labels reads, which call the target their source."""
    upper = {method.name for method in methods if method.target_only}
    return [stream for stream in streams if not upper or not set(stream.methods) <= upper] or list(streams)


def models_of(methods: Sequence[Method]) -> list[Model]:
    """The first run of each method that has weights, and the same after an adaptation without training."""
    found = []
    for method in methods:
        runs = [run for run in method.runs if run.checkpoint is not None and run.config_path is not None]
        if not runs:
            continue
        first, others = runs[0], tuple(run.checkpoint for run in runs[1:])
        shared = dict(config=first.config_path, colour=method.colour, target_only=method.target_only)
        found.append(Model(method.name, checkpoint=first.checkpoint, others=others, **shared))
        if first.adapted is not None:
            found.append(Model(f'{method.name}, adapted', checkpoint=first.adapted, adapted=True, **shared))
    return found


def _is_drawn(window: Window) -> bool:
    """Whether the truth can be laid over the image."""
    return window.truth is not None and window.truth.shape == window.image.shape[:2]


def _predict(part: Part, windows: int, report: Callable[[str], None]) -> None:
    models = models_of(part.methods)
    if not models:
        return  # what is missing of each run is told already
    try:
        found = part.predictions = predict(models, windows, report)
    except UserError as error:
        part.missing.append(f'there are no maps, windows and confusion matrices: {error}')
        return
    part.missing += found.problems
    if part.results is not None and not found.labelled:
        part.missing.append('the labels of the test set cannot be read here, so no map is compared with the truth')
    free = [model for model in found.models if not model.target_only] or found.models
    chosen = free[-1]
    try:
        part.choice = choice_of(free, windows, report)
        chosen = next(model for model in free if model.name == part.choice.chosen)
    except UserError as error:
        part.missing.append(f'there are no criteria without labels: {describe(error)}')
    first = free[0]
    other = chosen if chosen is not first else free[-1]
    pair = [first] if other is first else [first, other]
    part.ranked = pair[-1].name
    part.rows = rows_of(found, pair, pair[-1], PICTURES)
    if len(pair) == 2:
        part.scene = scene_of(found, *pair)
    elif all(_is_drawn(window) for window in found.windows):
        part.scene = scene_of(found, first, None)
    part.matrices = [matrix_of(model, found.classes) for model in found.models if model.counts is not None]
