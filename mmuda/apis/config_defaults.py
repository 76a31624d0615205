"""Defaults for loaders, loops and metrics that follow from the rest of a config."""

from __future__ import annotations

import copy
from collections.abc import Mapping

import torch
from mmengine.config import Config, ConfigDict

from mmuda.utils.errors import UserError

METRICS = [dict(type='ClassIoUMetric', iou_metrics=['mIoU']), dict(type='LabelFreeMetric')]
FLIPS = [dict(type='RandomFlip', prob=0.0), dict(type='RandomFlip', prob=1.0, direction='horizontal')]
RUN = 'run'


def fill_defaults(cfg: Config) -> None:
    """Fill in omitted values that nearly all configs share.

    - Training samples with ``DrawSampler``. Validation reads its dataset in order, one window at a time, with as many
      workers as training.
    - The test set is the validation set, with the same metrics: ``mIoU`` and criteria that need no label. The loops are
      mmengine's.
    - Test-time augmentation also predicts the mirrored image: ``tta_pipeline`` follows from the test pipeline.
    - ``train_cfg.iters``, lengths by stage name, are copied into the stages.
    - A stage with ``pseudo_labels`` labels the target stream with the test pipeline, in tiles of ``pseudo_labels.tile``
      pixels (default: the validation's tile). It reads the result as the stream ``pseudo``.

    An entry that is set to None stays None.

    Args:
        cfg: Changed in place.

    Raises:
        UserError: If ``train_cfg.iters`` names an unknown stage.
    """
    train = cfg.get('train_dataloader')
    dataset = train.get('dataset') if isinstance(train, Mapping) else None
    if isinstance(dataset, Mapping) and dataset.get('type') == 'UDADataset':
        train.setdefault('sampler', dict(type='DrawSampler'))
    _fill_evaluation(cfg, (train or {}).get('num_workers', 0))
    set_lengths(cfg)
    _fill_pseudo_labels(cfg)


def fill_loaders(cfg: Config) -> None:
    """Keep the workers of loaders alive, and pin memory where there is a GPU, unless the config says otherwise."""
    for split in ('train', 'val', 'test'):
        loader = cfg.get(f'{split}_dataloader')
        if isinstance(loader, Mapping) and loader.get('num_workers'):
            loader.setdefault('persistent_workers', True)
        if isinstance(loader, Mapping) and torch.cuda.is_available():
            loader.setdefault('pin_memory', True)


def _fill_evaluation(cfg: Config, workers: int) -> None:
    for split, other in (('val', None), ('test', 'val')):
        if other is not None and cfg.get(f'{other}_dataloader'):
            for part in ('dataloader', 'evaluator'):
                if f'{split}_{part}' not in cfg and cfg.get(f'{other}_{part}') is not None:
                    cfg[f'{split}_{part}'] = copy.deepcopy(cfg[f'{other}_{part}'])
        loader = cfg.get(f'{split}_dataloader')
        if not isinstance(loader, Mapping):
            continue
        loader.setdefault('batch_size', 1)
        loader.setdefault('num_workers', workers)
        if 'batch_sampler' not in loader:
            loader.setdefault('sampler', dict(type='DefaultSampler', shuffle=False))
        if f'{split}_evaluator' not in cfg:
            cfg[f'{split}_evaluator'] = copy.deepcopy(METRICS)
        if f'{split}_cfg' not in cfg:
            cfg[f'{split}_cfg'] = dict(type='ValLoop' if split == 'val' else 'TestLoop')
    pipeline = _pipeline_of(cfg.get('test_dataloader'))
    if 'tta_pipeline' not in cfg and pipeline and pipeline[-1].get('type') == 'PackUDAInputs':
        load, *between, pack = pipeline
        transforms = [[step] for step in between] + [FLIPS, [pack]]
        cfg.tta_pipeline = copy.deepcopy([load, dict(type='TestTimeAug', transforms=transforms)])


def _pipeline_of(loader) -> list | None:
    dataset = loader.get('dataset') if isinstance(loader, Mapping) else None
    return dataset.get('pipeline') if isinstance(dataset, Mapping) else None


def _stages_of(cfg: Config) -> list[ConfigDict]:
    loop = cfg.get('train_cfg')
    stages = loop.get('stages') if isinstance(loop, Mapping) else None
    return [stage for stage in stages or [] if isinstance(stage, Mapping)]


def set_lengths(cfg: Config) -> None:
    """Copy ``train_cfg.iters``, lengths by stage name, into the stages.

    Raises:
        UserError: If it names an unknown stage.
    """
    stages = {stage.get('name'): stage for stage in _stages_of(cfg)}
    lengths = cfg.train_cfg.pop('iters', None) if stages else None
    for name, iters in (lengths or {}).items():
        if name not in stages:
            raise UserError(f'train_cfg.iters names the stage {name!r}; the stages are {", ".join(map(str, stages))}')
        stages[name]['iters'] = iters


def _fill_pseudo_labels(cfg: Config) -> None:
    for stage in _stages_of(cfg):
        labels = stage.get('pseudo_labels')
        if not isinstance(labels, Mapping) or 'dataloader' in labels:
            continue
        target = (cfg.get('train_dataloader') or {}).get('dataset', {}).get('target')
        pipeline = _pipeline_of(cfg.get('test_dataloader'))
        if target is None or pipeline is None:
            raise UserError(
                f"Stage '{stage.get('name')}' labels the target, but the config has no target stream or no test "
                'pipeline to read it with; add them, or give pseudo_labels.dataloader'
            )
        tile = labels.pop('tile', None) or (cfg.get('val_dataloader') or {}).get('dataset', {}).get('tile')
        tiles = {} if tile is None else dict(tile=tile)
        labels['dataloader'] = dict(
            batch_size=1,
            num_workers=cfg.train_dataloader.get('num_workers', 0),
            sampler=dict(type='DefaultSampler', shuffle=False),
            dataset=copy.deepcopy({**target, **tiles, 'pipeline': pipeline}),
        )
        folder = f'{{work_dir}}/pseudo_labels/{stage.get("name")}'
        pseudo = copy.deepcopy({**target, 'labelled': True, 'predicted_labels': folder})
        loader = dict(stage.get('train_dataloader') or {})
        loader['dataset'] = {'pseudo': pseudo, **(loader.get('dataset') or {})}
        stage['train_dataloader'] = loader


def place_schedules(cfg: Config) -> None:
    """Turn ``during`` of learning-rate schedules into iterations.

    ``dict(type='PolyLR', power=0.9, during='run')`` spans the whole run, ``during='joint'`` the stage of that name.
    ``begin`` and ``end`` are then shares of that span (default: 0 and 1). So each length appears in a config once, at
    its stage.

    Args:
        cfg: Changed in place.

    Raises:
        UserError: If ``during`` names no stage, or a share is outside [0, 1].
    """
    schedules = cfg.get('param_scheduler') or []
    spans, begin = {}, 0
    for stage in _stages_of(cfg):
        spans[stage.get('name')] = (begin, stage.get('iters') or 0)
        begin += stage.get('iters') or 0
    spans[RUN] = (0, begin)
    groups = schedules.values() if isinstance(schedules, Mapping) and 'type' not in schedules else [schedules]
    for group in groups:
        for schedule in group if isinstance(group, list) else [group]:
            if isinstance(schedule, Mapping) and 'during' in schedule:
                _place(schedule, spans)


def _place(schedule: ConfigDict, spans: Mapping[str, tuple[int, int]]) -> None:
    during = schedule.pop('during')
    if during not in spans:
        raise UserError(f"during={during!r} of a schedule; give 'run' or a stage: {', '.join(map(str, spans))}")
    start, length = spans[during]
    begin, end = schedule.get('begin', 0), schedule.get('end', 1)
    if not 0 <= begin < end <= 1:
        raise UserError(f'a schedule during {during!r} has begin={begin} and end={end}; give shares in [0, 1]')
    schedule.update(begin=start + round(begin * length), end=start + round(end * length), by_epoch=False)
