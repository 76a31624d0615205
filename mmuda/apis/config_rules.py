"""Valid ranges for the numbers in a config, whichever class reads them."""

from __future__ import annotations

from collections.abc import Mapping

from mmengine.config import Config

from mmuda import registry as registries
from mmuda.apis.config_walk import Part, loaders_of, stages_of
from mmuda.utils.errors import UserError
from mmuda.utils.ranges import (
    AMOUNT,
    BELOW_ONE,
    COUNT,
    COUNTS,
    EMA_MOMENTUM,
    INTERVAL,
    IOU_METRICS,
    KEPT,
    MOMENTA,
    NOT_NEGATIVE,
    POSITIVE,
    POSITIVES,
    RANGE,
    SEED,
    SHARE,
    SHARES,
    WEIGHT,
    Rule,
    require,
)  # fmt: skip

OF_LOADERS = dict(batch_size=COUNT, num_workers=AMOUNT, prefetch_factor=COUNT)
OF_NETWORKS = dict(
    num_classes=COUNT, in_channels=COUNTS, channels=COUNTS, base_channels=COUNT, dropout_ratio=BELOW_ONE,
    discriminator_weight=WEIGHT, gradient_penalty=WEIGHT,
)  # fmt: skip
# Rules by the registry of the part; a value of None always means "not given".
RULES: dict[str, dict[str, Rule]] = {
    registries.DATASETS.name: dict(
        gsd=POSITIVE, tile=COUNTS, samples_per_raster=COUNT, patches_per_raster=COUNT, value_range=RANGE, bands=COUNTS,
        size=COUNTS, times=COUNT,
    ),
    registries.TRANSFORMS.name: dict(
        gsd=POSITIVE, coarse_gsd=POSITIVE, fine_gsd=POSITIVE, ratio=POSITIVES, extent=POSITIVES, coarse_size=COUNTS,
        fine_size=COUNTS, crop_size=COUNTS, prob=SHARES, cat_max_ratio=SHARE,
    ),
    registries.OPTIMIZERS.name: dict(
        lr=NOT_NEGATIVE, weight_decay=NOT_NEGATIVE, momentum=NOT_NEGATIVE, eps=NOT_NEGATIVE,
        betas=MOMENTA,
    ),
    registries.OPTIM_WRAPPERS.name: dict(accumulative_counts=COUNT),
    registries.PARAM_SCHEDULERS.name: dict(begin=AMOUNT, end=COUNT),
    registries.LOOPS.name: dict(max_iters=COUNT, max_epochs=COUNT, val_interval=COUNT, val_begin=AMOUNT),
    registries.METRICS.name: dict(iou_metrics=IOU_METRICS),
    registries.HOOKS.name: dict(interval=INTERVAL, max_keep_ckpts=KEPT),
    registries.MODELS.name: OF_NETWORKS,
    registries.TERMS.name: OF_NETWORKS,
}  # fmt: skip


def check_values(part: Part) -> None:
    """Refuse invalid numbers in a part.

    Raises:
        UserError: Naming the key, the value and what it may be.
    """
    kind = part.registry.name
    rules = RULES.get(kind, {})
    for key, value in part.cfg.items():
        rule = rules.get(key)
        if key in ('begin', 'end') and 'during' in part.cfg:  # shares; they are checked when they become iterations
            continue
        if rule is None and kind in (registries.MODELS.name, registries.TERMS.name) and key.endswith('loss_weight'):
            rule = WEIGHT
        if rule is not None:
            require(rule, f'{part.path}.{key}', value)


def check_settings(cfg: Config) -> None:
    """Refuse invalid numbers outside typed parts: in data loaders, the seed, stages and the teacher.

    Raises:
        UserError: As :func:`check_values`.
    """
    for path, loader in loaders_of(cfg):
        for key, rule in OF_LOADERS.items():
            require(rule, f'{path}.{key}', loader.get(key))
        if 'batch_size' in loader and loader['batch_size'] is None and not loader.get('batch_sampler'):
            raise UserError(f'{path}.batch_size=None; give {COUNT.text}')
        if loader.get('persistent_workers') and not loader.get('num_workers'):
            raise UserError(
                f'{path}.persistent_workers=True, but it has no workers; give num_workers of at least 1, or '
                'persistent_workers=False'
            )
    randomness = cfg.get('randomness')
    if isinstance(randomness, Mapping):
        require(SEED, 'randomness.seed', randomness.get('seed'))
    for index, stage in enumerate(stages_of(cfg)):
        if isinstance(stage, Mapping):
            require(COUNT, f'train_cfg.stages.{index}.iters', stage.get('iters'))
            for name, weight in (stage.get('weights') or {}).items():
                if not isinstance(weight, Mapping):  # a schedule is checked when it is built
                    require(WEIGHT, f'train_cfg.stages.{index}.weights.{name}', weight)
    model = cfg.get('model')
    ema = model.get('ema') if isinstance(model, Mapping) else None
    if isinstance(ema, Mapping):
        require(EMA_MOMENTUM, 'model.ema.momentum', ema.get('momentum'))
