"""Pairings of source items with target items."""

import json
import os.path as osp
from collections.abc import Mapping, Sequence

import numpy as np

from mmuda.utils.errors import UserError


class RandomPairing:
    """Draws a target item uniformly, regardless of the source item.

    Args:
        num_target (int): Number of target items.
    """

    def __init__(self, num_target: int) -> None:
        self.num_target = num_target

    def __call__(self, source_index: int) -> int:
        """Draw a target index from numpy's global generator."""
        return int(np.random.randint(self.num_target))


class GivenPairing:
    """Looks up the target item in a table, e.g. one that resembles the source item (a semantic pairing).

    Args:
        table (Mapping | Sequence): Source index -> target index, or a list of target indices to draw from. Keys may be
            strings, as in JSON.
        num_source (int): Number of source items; each needs an entry.
        num_target (int): Number of target items.
        name (str): Origin of the table, for error messages.

    Raises:
        UserError: An entry is missing, or is not the index of a target item.
    """

    def __init__(self, table: Mapping | Sequence, num_source: int, num_target: int, name: str = 'pairing') -> None:
        entries = dict(table) if isinstance(table, Mapping) else dict(enumerate(table))
        entries = {_index(key, name): value for key, value in entries.items()}
        unknown = sorted(set(entries) - set(range(num_source)))
        if unknown:
            raise UserError(
                f'{name} has an entry for source item {unknown[0]}, but the source has {num_source} items; make the '
                'pairing for this source dataset.'
            )
        self.candidates: list[list[int]] = []
        for source_index in range(num_source):
            if source_index not in entries:
                raise UserError(
                    f'{name} has no entry for source item {source_index} of {num_source}; give each source item a '
                    'target item.'
                )
            value = entries[source_index]
            targets = list(value) if isinstance(value, Sequence) and not isinstance(value, str) else [value]
            targets = [_index(target, name) for target in targets]
            wrong = [target for target in targets if not 0 <= target < num_target]
            if wrong or not targets:
                raise UserError(
                    f'{name} pairs source item {source_index} with {wrong[0] if wrong else "nothing"}, but the target '
                    f'has the items 0..{num_target - 1}; make the pairing for this target dataset.'
                )
            self.candidates.append(targets)

    def __call__(self, source_index: int) -> int:
        """The target index of a source item; drawn from numpy's global generator if there are several."""
        targets = self.candidates[source_index]
        return targets[0] if len(targets) == 1 else targets[np.random.randint(len(targets))]


def relative_name(dataset, raster) -> str:
    """Path of a raster below its dataset's image folder, with slashes."""
    folder = dataset.data_prefix.get('img_path') or ''
    return osp.relpath(raster.path, folder).replace('\\', '/') if folder else osp.basename(raster.path)


def describe_patches(dataset) -> dict:
    """The facts that define a set of patches. If any of them differs, an index refers to another patch or label.

    Args:
        dataset (Dataset): A ``PatchSet``, or a ``RasterDataset`` of tiles.
    """
    rasters = getattr(dataset, 'dataset', dataset)
    described = dict(items=len(dataset))
    for owner, keys in (
        (dataset, ('patches_per_raster', 'size', 'gsd', 'rotation', 'shear', 'seed', 'tile', 'last_tile')),
        (rasters, ('bands', 'value_range', 'translated_images')),
    ):
        described.update({key: getattr(owner, key) for key in keys if hasattr(owner, key)})
    described['classes'] = list(dataset.metainfo.get('classes') or ())
    described['rasters'] = [relative_name(rasters, raster) for raster in getattr(rasters, 'rasters', ())]
    return json.loads(json.dumps(described))  # as a file has it


def build_pairing(
    pairing: str | Mapping | Sequence, num_source: int, num_target: int, source=None, target=None
) -> RandomPairing | GivenPairing:
    """Build a pairing from its config.

    Args:
        pairing (str | Mapping | Sequence): ``'random'``, ``'random_once'`` (drawn once and kept, the baseline of
            semantic pairing), the name of a JSON file, or the table itself (see :class:`GivenPairing`). Files from
            ``tools/pair_domains.py`` hold the table under ``pairs``.
        num_source (int): Number of source items.
        num_target (int): Number of target items.
        source (Dataset | None): The source, compared with the one that a file was made for.
        target (Dataset | None): The target likewise.

    Returns:
        RandomPairing | GivenPairing: A callable source index -> target index.

    Raises:
        FileNotFoundError: The file does not exist.
        UserError: The file is not valid JSON, or the table does not fit.
    """
    if pairing == 'random':
        return RandomPairing(num_target)
    if pairing == 'random_once':
        return GivenPairing(
            np.random.default_rng(0).integers(num_target, size=num_source).tolist(), num_source, num_target
        )
    if not isinstance(pairing, str):
        return GivenPairing(pairing, num_source, num_target)
    if not osp.isfile(pairing):
        raise FileNotFoundError(
            f"The pairing {pairing!r} is neither 'random', 'random_once' nor an existing file; correct it or write the "
            'file first.'
        )
    try:
        with open(pairing, encoding='utf-8-sig') as file:
            table = json.load(file)
    except ValueError as error:
        raise UserError(f'The pairing {pairing} is no JSON ({error}); write a list or object of indices.') from error
    if not isinstance(table, list | dict):
        raise UserError(f'The pairing {pairing} holds {table!r}; write a list or object of target indices.')
    if isinstance(table, dict) and 'pairs' in table:
        made_for = table.get('num_source', num_source), table.get('num_target', num_target)
        if made_for != (num_source, num_target):
            raise UserError(
                f'The pairing {pairing} was made for {made_for[0]} source and {made_for[1]} target patches, but the '
                f'datasets have {num_source} and {num_target}; make it again with this config.'
            )
        for name, dataset in (('source', source), ('target', target)):
            if dataset is not None and name in table:
                _check_description(table[name], describe_patches(dataset), name, pairing)
        table = table['pairs']
    return GivenPairing(table, num_source, num_target, name=f'The pairing {pairing}')


def _check_description(made_for: Mapping, found: Mapping, name: str, pairing: str) -> None:
    if not isinstance(made_for, Mapping):
        raise UserError(f'The pairing {pairing} describes its {name} by {made_for!r}; make it again with this config.')
    for key in sorted({*made_for, *found}):
        if made_for.get(key) != found.get(key):
            raise UserError(
                f'The pairing {pairing} was made for another {name}: {key} was {_short(made_for.get(key))}, and is '
                f'{_short(found.get(key))}; make it again with this config.'
            )


def _short(value) -> str:
    text = str(value)
    return text if len(text) <= 80 else f'{text[:77]}...'


def _index(value, name: str) -> int:
    try:
        index = int(value)
    except (TypeError, ValueError, OverflowError):
        index = None
    if index is None or index != float(value):
        raise UserError(f'{name} holds {value!r}, which is no index; write whole numbers.')
    return index
