"""Writes the config of a method, a model and a dataset."""

from __future__ import annotations

import difflib
import os
from pathlib import Path

from mmuda.apis.recipes import CITIES, DATA, METHODS, MODELS, SEGMENTORS, Data, Method, Model
from mmuda.utils.errors import UserError
from mmuda.utils.fileio import write_atomically

CONFIGS = 'configs'
# DANN's paper uses fixed patches; random crops work as well. Methods that mix images use crops of one size, which most
# data have anyway.
REPLACEABLE = ('patches', 'crops', 'large_crops')
TRAINING_VIEWS = ('augmented', 'crops', 'on_target', 'histogram')  # of the training loader alone
LARGE = 1024  # side of large crops in pixels
WITH_ADAMW = ('daformer_40k',)
AUXILIARY = """auxiliary_head = dict(
    type='FCNHead',
    in_channels={channels},
    in_index=2,
    channels={width},
    num_convs=1,
    concat_input=False,
    norm_cfg=dict(type='BN', requires_grad=True),
    align_corners=False,
    loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True, loss_weight=0.1),
)"""


def new_config(method: str, data: str, model: str | None = None, out: str | os.PathLike | None = None) -> str:
    """Compose the config for a method on a dataset, and write it if ``out`` is given.

    Args:
        method: A name of :data:`METHODS`.
        data: A name of :data:`DATA`.
        model: A name of :data:`MODELS`; None uses the default of the method or the dataset.
        out: File to write. Inside ``configs/<folder>`` it inherits by relative paths, elsewhere by ``mmuda::``.

    Returns:
        The config as Python text.

    Raises:
        UserError: A name is unknown, the three cannot be combined, or the file already exists.

    Example:
        >>> print(new_config('adaptsegnet_single', 'mass2inria'))
    """
    recipe, source = find(METHODS, method, 'method'), find(DATA, data, 'dataset')
    model = model or _default_model(recipe, source)
    network = find(MODELS, model, 'model')
    check_combination(method, recipe, model, data, source)
    prefix = prefix_of(out)
    text = f'# {method} with {model}: {data}.\n_base_ = [\n'
    text += ''.join(f"    '{prefix}_base_/{base}.py',\n" for base in bases_of(recipe, model, network, data))
    text += ']\n' + ''.join(f'{line}\n' for line in lines_of(recipe, network, data, source))
    if out is not None:
        if os.path.exists(out):
            raise UserError(f'{out} exists already; give another file, or remove it')
        Path(out).parent.mkdir(parents=True, exist_ok=True)
        write_atomically(text.encode(), out)
    return text


def combinations() -> list[tuple[str, str, str]]:
    """All valid combinations (method, model, dataset)."""
    found = []
    for method, recipe in METHODS.items():
        for data, source in DATA.items():
            for model in recipe.models or SEGMENTORS:
                try:
                    check_combination(method, recipe, model, data, source)
                except UserError:
                    continue
                found.append((method, model, data))
    return found


def find(table: dict, name: str, what: str):
    if name in table:
        return table[name]
    close = difflib.get_close_matches(name, table, 1)
    hint = f'did you mean {close[0]}?' if close else f'there are {", ".join(table)}'
    raise UserError(f'the {what} {name!r} is not known; {hint}')


def _default_model(recipe: Method, source: Data) -> str:
    is_narrow = MODELS[source.model].is_narrow
    if recipe.models is None:
        return (recipe.narrow_model if is_narrow else recipe.full_model) or source.model
    return next((m for m in recipe.models if MODELS[m].is_narrow == is_narrow), recipe.models[0])


def check_combination(method: str, recipe: Method, model: str, data: str, source: Data) -> None:
    models = recipe.models or SEGMENTORS
    if model not in models:
        raise UserError(f'{method} does not go with the model {model}; it goes with {", ".join(models)}')
    if recipe.needs == 'rasters' and _cities(recipe, data):
        raise UserError(f'{method} labels whole rasters, and the stream of {data} is a set of patches')
    if recipe.needs == 'one_size' and source.crop is None:
        raise UserError(f'{method} mixes images of both domains, and the crops of {data} differ in size')
    if recipe.view not in (None, *REPLACEABLE, *source.views):
        having = ', '.join(name for name, one in DATA.items() if recipe.view in one.views)
        raise UserError(f'{method} trains on the view {recipe.view!r} of the data, which {data} has not; {having} have')


def prefix_of(out: str | os.PathLike | None) -> str:
    """Prefix of the shipped configs' folder in the file."""
    parent = Path(out).resolve().parent.parent if out is not None else None
    shipped = parent is None or (parent.name == CONFIGS and (parent / '_base_').is_dir())
    return '../' if shipped else 'mmuda::'


def bases_of(recipe: Method, model: str, network: Model, data: str) -> list[str]:
    name = model
    if recipe.needs == 'auxiliary' and network.auxiliary is None and not _is_single(recipe, network):
        name = f'{model}_multi'
    if recipe.needs == 'summed' and network.summed:
        name = f'{model}_summed'
    method = (recipe.narrow if network.is_narrow else None) or recipe.base
    return [
        f'models/{name}',
        *([] if method is None else [f'methods/{method}']),
        f'datasets/{"cities" if _cities(recipe, data) else data}',
        f'schedules/{_schedule(recipe, network)}',
        'default_runtime',
    ]


def _schedule(recipe: Method, network: Model) -> str:
    return (recipe.short if network.is_narrow else None) or recipe.schedule


def _is_single(recipe: Method, network: Model) -> bool:
    """Whether a multi-level method has only one level in its narrow form."""
    return network.is_narrow and recipe.narrow in ('advent_narrow', 'minent_narrow')


def _cities(recipe: Method, data: str) -> tuple[str, str] | None:
    """The two cities if the method trains on their fixed patches."""
    source, _, target = data.partition('2')
    are_cities = source in CITIES and target in CITIES
    return (source, target) if are_cities and (recipe.view == 'patches' or not DATA[data].own_base) else None


def lines_of(recipe: Method, network: Model, data: str, source: Data) -> list[str]:
    return [
        *_lines_of_terms(recipe, network, source),
        *_lines_of_model(recipe, network, source),
        *_lines_of_data(recipe, network, data, source),
        *recipe.lines,
        *_lines_of_optimizers(recipe, network),
    ]


def _lines_of_optimizers(recipe: Method, network: Model) -> list[str]:
    has_adamw = _schedule(recipe, network) in WITH_ADAMW
    changes = [] if network.optimizer is None or has_adamw else [network.optimizer]
    if recipe.needs == 'bottleneck' and not network.bottleneck:
        changes.append("encoder=dict(params=['segmentor.backbone'])")
    return [*(() if has_adamw else network.lines), f'optim_wrapper = dict({", ".join(changes)})'] if changes else []


def _lines_of_terms(recipe: Method, network: Model, source: Data) -> list[str]:
    lines = []
    if recipe.base == 'isia_aim' and source.things is not None and 'instance' not in recipe.without:
        lines.append(f'_base_.method.terms.instance.classes = {source.things}')
    if recipe.without:
        lines.append(f'_base_.method.terms.update({", ".join(f"{name}=None" for name in recipe.without)})')
    if recipe.needs == 'bottleneck' and not network.bottleneck:
        lines.append("_base_.method.terms.feature.update(source='source:features.3', target='target:features.3')")
    return lines


def _lines_of_model(recipe: Method, network: Model, source: Data) -> list[str]:
    if recipe.base is None:
        return []
    changes, lines = [], []
    crop = LARGE if 'large_crops' in source.views else source.crop
    if network.window not in (None, crop):
        windows = f'crop_size=({crop}, {crop}), stride=({crop // 2}, {crop // 2})'
        lines.append('# Predict in windows as large as the training crops.')
        lines.append(f'_base_.method.segmentor = dict(test_cfg=dict({windows}))')
    if recipe.needs == 'auxiliary' and network.auxiliary is not None and not _is_single(recipe, network):
        lines.append(AUXILIARY.format(channels=network.auxiliary, width=32 if network.is_narrow else 256))
        changes.append('segmentor=dict(auxiliary_head=auxiliary_head)')
    if recipe.needs == 'summed' and not network.summed:
        lines += [
            'head = _base_.model.segmentor.decode_head',
            "heads = dict(_delete_=True, type='SummedHead', head=head, copies=2)",
        ]
        changes.append('segmentor=dict(decode_head=heads)')
    if recipe.base == 'self_training' and network.own_batch_norm and not network.is_narrow:
        changes.append("batch_norm=['target', 'pseudo']")
    lines.append(f'model = dict(_base_.method, {", ".join(changes)})' if changes else recipe.model)
    return lines


def _lines_of_data(recipe: Method, network: Model, data: str, source: Data) -> list[str]:
    cities = _cities(recipe, data)
    lines, changes = _lines_of_streams(recipe, network, source, cities)
    view = f'_base_.{recipe.view}' if recipe.view in source.views and not cities else None
    trains = recipe.view in TRAINING_VIEWS  # else it is a pair of loaders
    if changes and view is None:
        lines.append(f'train_dataloader = dict(dataset=dict({changes}))')
    elif changes:
        lines.append(f'{view if trains else f"{view}[0]"}.dataset.update({changes})')
    if cities:
        lines.append(f"val_dataloader = dict(dataset=_base_.validation['{cities[1]}'])")
    elif recipe.view == 'translation':
        lines.append('train_dataloader, val_dataloader, model = _base_.translation')
    elif view is not None:
        lines.append(f'{"train_dataloader" if trains else "train_dataloader, val_dataloader"} = {view}')
    if recipe.base == 'pfr' and source.one_size:
        lines += ['# The content loss compares positions, so both domains need one size.', source.one_size]
    return lines


def draws_rare(recipe: Method, network: Model) -> bool:
    """Whether the method draws source samples by class."""
    return recipe.rare == 'all' or (recipe.rare == 'full' and not network.is_narrow)


def _lines_of_streams(
    recipe: Method, network: Model, source: Data, cities: tuple[str, str] | None
) -> tuple[list[str], str]:
    """Lines before the training loader's, and what changes in its dataset."""
    lines, streams = [], {}
    if cities:
        lines.append(f"source, target = _base_.sources['{cities[0]}'], _base_.targets['{cities[1]}']")
        streams = dict(source='dict(dataset=source)', target='dict(dataset=target)')
    if recipe.streams == 'target':
        streams |= dict(source='None') | (dict(pairing="'random'") if cities else {})
    if recipe.streams == 'few':
        crops = '**_base_.crops.dataset.target, ' if 'crops' in source.views else ''
        tiles = f'_base_.train_dataloader.dataset.target, {crops}labelled=True, {source.few}'
        if cities:
            tiles = f"_base_.patches, dataset=_base_.cities['{cities[1]}'], patches_per_raster=8"
        lines += ['# The labelled tiles: replace them by yours.', f'few = dict({tiles})']
        streams['labelled_target'] = 'few'
    if source.rare is not None and draws_rare(recipe, network):
        streams['rare_classes'] = f'dict({source.rare})'
    return lines, ', '.join(f'{name}={value}' for name, value in streams.items())
