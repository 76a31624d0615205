"""Checks that compared configs are scored against the same truth."""

import json
import os
from collections.abc import Mapping

from mmengine.config import Config

from mmuda.apis.class_checks import classes_of
from mmuda.registry import DATASETS
from mmuda.utils.errors import UserError

# Arguments of a dataset that affect neither its files nor the meaning of their labels.
READING = ('pipeline', 'tile', 'last_tile', 'check_labels', 'domain', 'bands', 'value_range', 'gsd', 'lazy_init')
SHOWN = 3


def check_same_test(cfgs: Mapping[str, Config]) -> None:
    """Refuse configs with different validation or test sets, whose scores are not comparable.

    Data are read only if the configs describe them differently.

    Args:
        cfgs: Loaded configs by name; the others are compared with the first.

    Raises:
        UserError: Classes differ in name or order, files differ, or labels are read differently.
    """
    for split in ('val', 'test'):
        datasets = {
            name: dict(cfg[f'{split}_dataloader']['dataset'])
            for name, cfg in cfgs.items()
            if (cfg.get(f'{split}_dataloader') or {}).get('dataset')
        }
        first, *others = datasets or ('',)
        built = None
        for name in others:
            if _described(datasets[first]) == _described(datasets[name]):
                continue
            built = built or DATASETS.build(datasets[first])
            _compare(built, DATASETS.build(datasets[name]), (first, name), f'{split}_dataloader.dataset')


def _described(dataset: Mapping) -> str:
    return json.dumps({key: value for key, value in dataset.items() if key not in READING}, sort_keys=True, default=str)


def _compare(ours, theirs, names: tuple[str, str], where: str) -> None:
    what = f'{names[0]} and {names[1]} cannot be compared: {where} has '
    if classes_of(ours) != classes_of(theirs):
        raise UserError(
            f'{what}the classes {classes_of(ours)} in one and {classes_of(theirs)} in the other; give both the same, '
            'in one order (metainfo=dict(classes=...))'
        )
    truths = [_truth(ours), _truth(theirs)]
    if None in truths:
        return
    only = [sorted(truths[0].keys() - truths[1].keys()), sorted(truths[1].keys() - truths[0].keys())]
    if any(only):
        told = '; '.join(
            f'{len(files)} files only in {name}, e.g. {", ".join(files[:SHOWN])}'
            for name, files in zip(names, only, strict=True)
            if files
        )
        raise UserError(f'{what}other files ({told}); give both the same test set')
    for file, truth in truths[0].items():
        if truth != truths[1][file]:
            raise UserError(
                f'{what}other labels of {file}: {truth} in {names[0]}, {truths[1][file]} in {names[1]}; read them in '
                'one way (seg_map_path, label_values, reduce_zero_label, label_colours)'
            )


def _truth(dataset) -> dict[str, str] | None:
    """The label of each image; None if the dataset does not list its files."""
    if not hasattr(dataset, 'get_data_info'):
        return None
    meaning = {
        key: getattr(dataset, key, None)
        for key in ('label_values', 'label_colours', 'label_polygons', 'reduce_zero_label', 'label_map', 'region')
    }
    told = ', '.join(f'{key}={value}' for key, value in meaning.items() if value)
    truths = {}
    for index in range(len(dataset)):
        info = dataset.get_data_info(index)
        label = info.get('seg_map_path')
        truths[os.path.realpath(info['img_path'])] = ' with '.join(
            filter(None, [os.path.realpath(label) if label else 'no label', told])
        )
    return truths
