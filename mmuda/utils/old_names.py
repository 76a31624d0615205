"""Names of earlier versions, and the message that gives the new name of each."""

from __future__ import annotations

import importlib.abc
import sys
from collections.abc import Iterable

GUIDE = 'see docs/migration.md'
PHASES = {'generator': 'segmentor'}
OPTIMIZERS = {
    'generator': 'segmentor',
    'discriminators': 'discriminator',
    'pretrain_generator': 'pretrain_segmentor',
    'pretrain_discriminators': 'pretrain_discriminator',
}
DOMAINS_OF_TAP = "source='source:{0}' and target='target:{0}'"
WITHOUT_WEIGHT = (
    'EntropyLoss',
    'GANLoss',
    'GramLoss',
    'MMDLoss',
    'MaxSquareLoss',
    'PerceptualLoss',
    'PixelL1Loss',
    'PixelMSELoss',
    'TotalVariationLoss',
)
# By type and argument: what to write instead; {0} is the given value.
ARGUMENTS = {
    ('AdversarialAlignment', 'tap'): DOMAINS_OF_TAP,
    ('AdversarialAlignment', 'real'): "target='target:{0}' with moves='source'",
    ('AdversarialAlignment', 'align_both'): "moves='both'",
    ('LabelMapAlignment', 'view'): "prediction='{0}:logits'",
    ('CategoryAlignment', 'class_vector'): 'source and target, addresses of what the class vectors are means of',
    ('CategoryAlignment', 'feature'): DOMAINS_OF_TAP,
    ('InstanceAlignment', 'class_vector'): "class_vectors=('source:prob', 'target:prob')",
    ('InstanceAlignment', 'feature'): DOMAINS_OF_TAP,
    ('StyleContentAlignment', 'stages'): 'source and target, lists of addresses such as source:features.0',
    ('ForwardTerm', 'view'): "tap='{0}:logits'",
    ('ParameterSimilarity', 'view'): "first='{0}:parameters.PATH' and second='{0}:parameters.PATH'",
    ('SuperResolvedView', 'view'): "image='{0}:sr_image'",
    ('ema', 'update_buffers'): "buffers='average' in place of True, buffers='copy' in place of False",
    ('RegionAggregation', 'cells'): 'nothing: the cells are those of the view',
}
ARGUMENTS |= {(name, 'loss_weight'): 'the loss_weight of the term that applies it' for name in WITHOUT_WEIGHT}
MODULES = {
    'mmuda.apis.compare': 'mmuda.experiments.compare',
    'mmuda.apis.comparison_picture': 'mmuda.experiments.picture',
    'mmuda.apis.comparison_table': 'mmuda.experiments.table',
    'mmuda.apis.low2high': 'mmuda.converters.low2high',
    'mmuda.apis.sweep': 'mmuda.experiments.sweep',
    'mmuda.datasets.bands': 'mmuda.datasets.raster.bands',
    'mmuda.datasets.coarse_labels': 'mmuda.datasets.coarse.datasets',
    'mmuda.datasets.drone_buildings': 'mmuda.datasets.public.drone_buildings',
    'mmuda.datasets.german_cities': 'mmuda.datasets.public.german_cities',
    'mmuda.datasets.inria': 'mmuda.datasets.public.inria',
    'mmuda.datasets.label_cells': 'mmuda.datasets.raster.cells',
    'mmuda.datasets.label_coding': 'mmuda.datasets.raster.label_coding',
    'mmuda.datasets.label_colours': 'mmuda.datasets.raster.label_colours',
    'mmuda.datasets.label_reading': 'mmuda.datasets.raster.label_reading',
    'mmuda.datasets.labels': 'mmuda.datasets.raster.labels',
    'mmuda.datasets.low2high': 'mmuda.datasets.coarse.low2high',
    'mmuda.datasets.massachusetts': 'mmuda.datasets.public.massachusetts',
    'mmuda.datasets.metainfo': 'mmuda.datasets.public.metainfo',
    'mmuda.datasets.potsdam': 'mmuda.datasets.public.potsdam',
    'mmuda.datasets.raster_checked': 'mmuda.datasets.raster.checked_writing',
    'mmuda.datasets.raster_damage': 'mmuda.datasets.raster.damage',
    'mmuda.datasets.raster_files': 'mmuda.datasets.raster.files',
    'mmuda.datasets.raster_geometry': 'mmuda.datasets.raster.geometry',
    'mmuda.datasets.raster_grid': 'mmuda.datasets.raster.grid',
    'mmuda.datasets.raster_io': 'mmuda.datasets.raster.reading',
    'mmuda.datasets.raster_notes': 'mmuda.datasets.raster.notes',
    'mmuda.datasets.raster_options': 'mmuda.datasets.raster.options',
    'mmuda.datasets.raster_output': 'mmuda.datasets.raster.output',
    'mmuda.datasets.raster_valid': 'mmuda.datasets.raster.valid',
    'mmuda.datasets.roads': 'mmuda.datasets.public.roads',
    'mmuda.datasets.street_scenes': 'mmuda.datasets.public.street_scenes',
    'mmuda.datasets.synthetic': 'mmuda.synthetic',
    'mmuda.datasets.unread': 'mmuda.datasets.raster.unread',
    'mmuda.datasets.vaihingen': 'mmuda.datasets.public.vaihingen',
    'mmuda.utils.checkpoint': 'mmuda.checkpoints.reading',
    'mmuda.utils.deeplab_v2_official': 'mmuda.checkpoints.official.deeplab_v2',
    'mmuda.utils.foreign_checkpoint': 'mmuda.checkpoints.mmseg0',
    'mmuda.utils.resume': 'mmuda.checkpoints.finding',
    'mmuda.utils.run_record': 'mmuda.checkpoints.run_record',
    'mmuda.utils.srda_official': 'mmuda.checkpoints.official.srda',
    'mmuda.utils.weights': 'mmuda.checkpoints.weights',
}


def renamed_phase(pattern: str) -> str | None:
    """The message for a loss pattern ``term.phase`` with an old name; None if its name is not old."""
    term, _, phase = pattern.rpartition('.')
    new = PHASES.get(phase)
    return None if new is None else f'the phase {phase!r} is now {new!r}: write {f"{term}.{new}"!r} ({GUIDE})'


def renamed_optimizers(names: Iterable[str]) -> str | None:
    """The message for optimisers with old names; None if no name is old."""
    old = [name for name in names if name in OPTIMIZERS]
    changes = ', '.join(f'{name!r} is now {OPTIMIZERS[name]!r}' for name in old)
    return f'the optimiser {changes} ({GUIDE}); ' if old else None


def renamed_argument(type_names: Iterable[str], argument: str, value) -> str | None:
    """What to write instead of an old argument.

    Args:
        type_names: Name of the type in the config, then of the classes that it inherits.
        argument: The argument.
        value: What the config gives it.
    """
    for name in type_names:
        if (name, argument) in ARGUMENTS:
            return f'{argument} of {name} is gone: give {ARGUMENTS[name, argument].format(value)} ({GUIDE})'
    return None


class _MovedModules(importlib.abc.MetaPathFinder):
    """Reports where a module moved; Python asks it only if no other finder has found the module."""

    def find_spec(self, fullname, path=None, target=None):
        new = MODULES.get(fullname)
        if new is not None:
            raise ModuleNotFoundError(f'{fullname} is now {new}; change the import ({GUIDE})', name=fullname)
        return None


def tell_moved_modules() -> None:
    """Make the import of a moved module report its new place."""
    if not any(isinstance(finder, _MovedModules) for finder in sys.meta_path):
        sys.meta_path.append(_MovedModules())
