"""Checks before the first iteration that classes, heads and data of a run match."""

from collections.abc import Mapping, Sequence

from mmengine.fileio import list_from_file
from mmengine.runner import Runner
from mmseg.evaluation import IoUMetric
from torch import nn

from mmuda.datasets.public.metainfo import check_same_classes
from mmuda.datasets.raster.unread import reads_rasters, unread_dataset
from mmuda.engine.model_wrapper import unwrapped
from mmuda.models.wrappers import Stage, check_channels, check_heads, heads_by_key
from mmuda.registry import DATASETS
from mmuda.utils.errors import UserError

DEFAULT_BANDS = 3


def check_pairing(runner: Runner) -> list[str]:
    """Compare the model of a run with its training and validation data: classes, heads, losses, channels.

    Args:
        runner: Runner of a training; this builds its loops.

    Returns:
        Suspicious findings that do not prevent training, one sentence each.

    Raises:
        UserError: Something does not match; the error names the key and the right value.
    """
    model = unwrapped(runner.model)
    trained, validated = dataset_of(runner.train_loop), dataset_of(runner.val_loop)
    warnings = check_heads(model, classes_of(trained))
    for stage in getattr(runner.train_loop, 'stages', ()):
        if stage.pseudo_labels:
            _check_pseudo_labels(model, stage, classes_of(trained))
    check_channels(model, _bands(model))
    check_classes(model, validated, 'val', classes_of(trained))
    check_labelled(runner.val_loop, 'val')
    return warnings


def _check_pseudo_labels(model: nn.Module, stage: Stage, trained: Sequence[str]) -> None:
    where = f"pseudo_labels.dataloader.dataset of stage '{stage.name}'"
    _same_classes(trained, configured_classes(stage.pseudo_labels['dataloader'].get('dataset')), where)
    for key, head in heads_by_key(model).items():
        if head.out_channels == 1:
            raise UserError(
                f"stage '{stage.name}' asks for pseudo labels, which are taken from the probabilities of classes, but "
                f'{key} has out_channels=1; leave out_channels and use_sigmoid out (num_classes=2, two channels)'
            )


def _same_classes(trained: Sequence[str], classes: Sequence[str], where: str) -> None:
    try:
        check_same_classes(trained, classes, 'the training', where)
    except UserError as error:
        raise UserError(f'{str(error).rstrip(".")}: its results would stand under the wrong names') from error


def check_classes(model: nn.Module, dataset, split: str, trained: Sequence[str] = ()) -> None:
    """Refuse data whose classes differ from those of the training, or in number from those of the heads.

    Args:
        model: The model without the wrapper of a distributed run.
        dataset: Built dataset; None is accepted.
        split: ``'val'`` or ``'test'``, for the error.
        trained: Classes of the training, if known.

    Raises:
        UserError: As above, since a table would have wrong labels.
    """
    where, classes = f'{split}_dataloader.dataset', classes_of(dataset)
    if dataset is not None and len(dataset) == 0:
        raise UserError(f'{where} has no samples; check its data_root and data_prefix')
    _same_classes(trained, classes, where)
    for key, head in heads_by_key(model).items():
        if classes and len(classes) != head.num_classes:
            raise UserError(
                f'{where} has {len(classes)} classes {tuple(classes)}, but {key} has num_classes={head.num_classes}; '
                f'set num_classes={len(classes)} of the head, or choose other classes by metainfo=dict(classes=...)'
            )


def metrics_without_labels(loop) -> list[str]:
    """Metrics of a validation or a test that need labels which its dataset lacks.

    Args:
        loop: Loop of the runner; None has no metrics.
    """
    if getattr(dataset_of(loop), 'labelled', True):
        return []
    metrics = getattr(getattr(loop, 'evaluator', None), 'metrics', ())
    return [type(metric).__name__ for metric in metrics if isinstance(metric, IoUMetric) and not metric.format_only]


def check_labelled(loop, split: str) -> None:
    """Refuse to score unlabelled data, before the first prediction.

    Args:
        loop: As :func:`metrics_without_labels`.
        split: ``'val'`` or ``'test'``, for the error.

    Raises:
        UserError: As above.
    """
    metrics = metrics_without_labels(loop)
    if not metrics:
        return
    remedy = (
        'to do without a validation, set val_dataloader = val_evaluator = val_cfg = None'
        if split == 'val'
        else 'tools/predict.py makes maps without labels'
    )
    raise UserError(
        f'{split}_dataloader.dataset has no labels for {", ".join(metrics)} to compare with; give its data_prefix a '
        f'seg_map_path, or score by LabelFreeMetric, which needs none; {remedy}'
    )


def configured_classes(dataset: Mapping | None) -> tuple[str, ...]:
    """Class names from a dataset's config, without touching its files; () if unknown."""
    if not dataset or not dataset.get('type'):
        return ()
    chosen = (dataset.get('metainfo') or {}).get('classes')
    if chosen:
        return tuple(list_from_file(chosen) if isinstance(chosen, str) else chosen)
    inner = next(filter(None, map(dataset.get, ('dataset', 'source', 'target'))), None)
    inner = inner or next(iter(dataset.get('datasets') or ()), None)
    if isinstance(inner, Mapping):
        return configured_classes(inner)
    if reads_rasters(dataset):  # its constructor may name them
        return classes_of(unread_dataset(dataset))
    cls = DATASETS.get(dataset['type']) if isinstance(dataset['type'], str) else dataset['type']
    return tuple((getattr(cls, 'METAINFO', None) or {}).get('classes') or ())


def classes_of(dataset) -> tuple[str, ...]:
    """Class names of a built dataset; () if it has none."""
    return tuple((getattr(dataset, 'metainfo', None) or {}).get('classes') or ())


def dataset_of(loop):
    """The dataset of a loop of the runner; None if there is no such loop."""
    return getattr(getattr(loop, 'dataloader', None), 'dataset', None)


def _bands(model: nn.Module) -> int:
    """Channels of the images: the length of their statistics, which the data preprocessor enforces."""
    default = getattr(getattr(model, 'data_preprocessor', None), 'default', None)
    return len(default['mean']) if default else DEFAULT_BANDS
