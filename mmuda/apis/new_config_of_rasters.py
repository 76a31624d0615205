"""Writes the config of a method for a user's own rasters."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from operator import itemgetter
from pathlib import Path

from mmuda.apis.choose_bands import choose_bands, described_ranges, value_ranges
from mmuda.apis.config_trial import try_config
from mmuda.apis.domain_statistics import own_statistics
from mmuda.apis.inspect_labels import Labels, inspect_labels, refuse_shared_files
from mmuda.apis.inspect_rasters import Images, Place, endings, inspect_images
from mmuda.apis.new_config import bases_of, check_combination, draws_rare, find, lines_of, prefix_of
from mmuda.apis.own_config_text import AUGMENTED, LABELLED, TEXT, UNLABELLED
from mmuda.apis.own_domain import SHARE, Domain
from mmuda.apis.recipes import METHODS, MODELS, Data, Method
from mmuda.datasets.band_statistics import WINDOWS
from mmuda.datasets.raster.options import check_gsd
from mmuda.utils.errors import UserError
from mmuda.utils.fileio import write_atomically
from mmuda.visualization import default_palette

METHOD, MODEL = 'recommended', 'deeplabv3plus-effl0'
CROP, LEAST_CROP, MULTIPLE = 192, 64, 32
"""Side of a training crop in pixels, the least one, and what it is a multiple of."""
FINER = 2.0
"""The source is enlarged at most so many times."""
TILE = 512
SUPPORTED = (None, 'augmented', 'crops', 'large_crops', 'patches')
"""Views of a recipe that crops of the user's rasters can take the place of."""


def new_config_of_rasters(
    source: Sequence[str | os.PathLike],
    target: Sequence[str | os.PathLike],
    out: str | os.PathLike,
    method: str = METHOD,
    model: str = MODEL,
    classes: Sequence[str] = (),
    source_gsd: float | None = None,
    target_gsd: float | None = None,
    label_attribute: str | None = None,
    bands: Sequence[str] = (),
    target_bands: Sequence[str] = (),
    statistics: bool = False,
    report: Callable[[str], None] = print,
) -> str:
    """Look at the rasters of two domains, and write a config that trains on them.

    A place is a folder, or a pattern ``FOLDER/PREFIX*SUFFIX``. A label has the name of its image; if both lie in one
    folder, as ``a_image.tif`` and ``a_label.tif``, the folder is given alone. Labels may be vector files, and one file
    may be the label of all images.

    Args:
        source: Place of the source's images, and of its labels.
        target: Place of the target's images, and of its labels if there are some; they serve the test alone.
        out: File to write.
        method: A name of :data:`mmuda.apis.recipes.METHODS` that trains on crops of both domains.
        model: A name of :data:`mmuda.apis.recipes.MODELS`.
        classes: Names of the classes, in the order of their values in the labels.
        source_gsd: Metres per pixel of the source; None takes it from the files.
        target_gsd: As ``source_gsd``, of the target.
        label_attribute: Attribute of polygons that tells their class; None if all are of one class.
        bands: Bands to read, by number or by the name that the files give, red, green and blue first; () reads those
            that both domains share (:func:`mmuda.apis.choose_bands.choose_bands`).
        target_bands: Those of the target; () takes ``bands``.
        statistics: Normalise each domain by its own mean and standard deviation, which are measured and written down;
            else by those that the model's pretrained weights were made with.
        report: Called with lines about what was found and decided.

    Returns:
        The config as Python text.

    Raises:
        FileNotFoundError: A folder, an image or a label is not there.
        UserError: The rasters cannot be trained on, or something must be said that the files leave open; nothing is
            written.
    """
    if os.path.exists(out):
        raise UserError(f'{out} exists already; give another file, or remove it')
    if Path(out).suffix != '.py':
        raise UserError(f'{out} does not end in .py; a config is written in Python: give another name')
    recipe, network = find(METHODS, method, 'method'), find(MODELS, model, 'model')
    _refuse_method(method, recipe)
    domains = [_look('source', source, source_gsd, label_attribute, report)]
    domains.append(_look('target', target, target_gsd, label_attribute, report))
    if domains[0].labels is None:
        raise UserError('the source needs labels; give --source IMAGES LABELS')
    for domain in domains:
        if domain.gsd is None:
            silent = next(raster.path for raster in domain.images.rasters if raster.resolved().gsd is None)
            raise UserError(
                f'the images of the {domain.name} do not say how large a pixel is; give --{domain.name}-gsd, in metres '
                f'per pixel ({silent} has no georeference that tells it)'
            )
    refuse_shared_files(domains[0].images, domains[0].labels, domains[1].images)
    _read_bands(domains, bands, target_bands, report)
    gsd, crop = _scale(domains, report)
    names, palette = _classes(domains, classes, report)
    things = f'({", ".join(str(index) for index in range(1, len(names)))},)'
    data = Data(model, things, crop=crop, rare=f'temperature=0.05, min_pixels={crop * crop // 100}')
    check_combination(method, replace(recipe, view=None), model, 'your rasters', data)
    parts = (domains, gsd, crop, names, palette, method, recipe, model, network, data)
    tried = try_config(_text(*parts, prefix_of('config.py')))
    iterations = sum(stage.iters for stage in tried.train_cfg.stages)
    text = _text(*parts, prefix_of(out))
    if statistics:
        text = _with_statistics(text, own_statistics(tried), report)
    write_atomically(text.encode(), out)
    work_dir = f'work_dirs/{Path(out).stem}'
    chosen = f'{work_dir}/{"chosen" if method == METHOD else f"iter_{iterations}"}.pth'
    report(
        f'\nWritten to {out}. Next:\n\n'
        f'python tools/train.py {out} --check\npython tools/train.py {out}\n'
        f'python tools/predict.py {chosen} {_quoted(domains[1].images)} --out {work_dir}/maps'
    )
    return text


def _quoted(images: Images) -> str:
    below = ['**'] if any(os.path.dirname(name) for name in images.names) else []
    return f"'{os.path.join(images.place.folder, *below, images.place.prefix)}*{images.place.suffix}'"


def _refuse_method(method: str, recipe: Method) -> None:
    if recipe.view not in SUPPORTED or recipe.streams is not None:
        fitting = [name for name, one in METHODS.items() if one.view in SUPPORTED and one.streams is None and one.base]
        raise UserError(
            f'{method} does not train on plain crops of a labelled source and a target; there is {", ".join(fitting)}'
        )


def _look(
    name: str, places: Sequence, gsd: float | None, attribute: str | None, report: Callable[[str], None]
) -> Domain:
    if not 1 <= len(places) <= 2:
        raise UserError(f'{len(places)} places were given for the {name}; give its images, and perhaps its labels')
    check_gsd(gsd, f'the {name}')
    first, second = Place.parse(places[0]), Place.parse(places[-1], may_be_file=len(places) == 2)
    ends = endings(first.folder, first.prefix) if first.suffix is None and first.folder == second.folder else None
    if ends is not None:
        first, second = replace(first, suffix=ends[0]), replace(second, suffix=ends[1])
    images = inspect_images(first)
    has_labels = len(places) == 2 or (ends is not None and name == 'source')
    labels = inspect_labels(second, images, attribute) if has_labels else None
    report(f'{name}: {images.describe()}')
    if labels is not None:
        report(f'{name}: {labels.describe()}')
    return Domain(name, images, labels, gsd)


def _read_bands(
    domains: Sequence[Domain], bands: Sequence[str], target_bands: Sequence[str], report: Callable[[str], None]
) -> None:
    images = [domain.images for domain in domains]
    chosen = choose_bands(*images, bands, target_bands)
    report(chosen.describe(*images))
    read = zip(domains, chosen[:2], value_ranges(*images, chosen), strict=True)
    for domain, domain.bands, domain.value_range in read:
        if domain.value_range is not None:
            report(f'{domain.name}: values mostly {described_ranges(domain.value_range)}; these become black and white')


def _scale(domains: Sequence[Domain], report: Callable[[str], None]) -> tuple[float, int]:
    """Ground sample distance and side of the crops, in pixels of it."""
    source, target = (domain.gsd for domain in domains)
    gsd = float(f'{max(target, source / FINER):.4g}')
    ratio = source / target
    if ratio > FINER:
        why = f'the target is {ratio:.1f} times finer, and the source is enlarged {FINER:g} times at most'
    elif ratio < 1 / 1.05:
        why = f'the target is {1 / ratio:.1f} times coarser, and the source is reduced to it'
    else:
        why = 'that of the target'
    report(f'both are seen at {gsd} m per pixel: {why}')
    side, smallest = min(((domain.side_of(domain.smallest), domain.smallest) for domain in domains), key=itemgetter(0))
    crop = min(CROP, int(side / gsd) // MULTIPLE * MULTIPLE)
    if crop < LEAST_CROP:
        raise UserError(
            f'{smallest.path}, {smallest.height} x {smallest.width} px of {smallest.gsd:.4g} m, has {side:.4g} m of '
            f'ground for training crops, {side / gsd:.0f} px of the {gsd} m at which both are seen; {LEAST_CROP} '
            'px are needed. Give larger rasters, leave out small ones by a pattern, or correct the metres '
            'per pixel by --source-gsd and --target-gsd'
        )
    report(f'crops of {crop} px, {crop * gsd:.1f} m of ground')
    return gsd, crop


def _classes(
    domains: Sequence[Domain], names: Sequence[str], report: Callable[[str], None]
) -> tuple[tuple[str, ...], list[list[int]]]:
    labels, other = domains[0].labels, domains[1].labels
    values = list(labels.values)
    if len(values) < 2:
        raise UserError(
            f'the labels of the source in {labels.place.folder} hold {values} where they were looked at; a segmentor '
            'needs two classes: give labels with a number for each'
        )
    known, theirs = values, list(other.values) if other else []
    if other and labels.texts and other.texts:
        known, theirs = labels.texts, other.texts
    unknown = [value for value in theirs if value not in known]
    if unknown:
        raise UserError(
            f'the labels of the target hold {unknown[0]}, which those of the source do not; both need the same classes'
        )
    if names and len(names) != len(values):
        raise UserError(
            f'{len(names)} names were given, {", ".join(names)}, but the labels hold {len(values)} classes: '
            f'{", ".join(map(str, values))}; give one each by --classes, with blanks between them'
        )
    if not names:
        names = labels.names
        report(f'classes are called {", ".join(names)}; give their names by --classes, in this order')
    palette = labels.palette if len(labels.palette) == len(values) else default_palette(len(values))
    return tuple(names), [list(colour) for colour in palette]


def _text(domains, gsd, crop, names, palette, method, recipe, model, network, data, prefix) -> str:
    bases = [base for base in bases_of(recipe, model, network, '') if not base.startswith('datasets/')]
    augmented = recipe.view == 'augmented'
    plain = replace(recipe, view=None, rare=None)
    held_out = ', '.join(
        f'{"whole rasters" if domain.holds_out_rasters else "the end of each raster"} of the {domain.name}'
        for domain in domains
    )
    text = TEXT.format(
        title=f'{method} with {model}: {domains[0].images.place.folder} -> {domains[1].images.place.folder}.',
        bases=''.join(f"    '{prefix}_base_/{base}.py',\n" for base in bases),
        names=names,
        palette=palette,
        gsd=gsd,
        extent=float(f'{crop * gsd:.6g}'),
        crop=crop,
        share=SHARE,
        held_out=held_out,
        source=_dataset(domains[0], domains[0].labels, names),
        target=_dataset(domains[1], domains[0].labels, names),
        augmented=AUGMENTED if augmented else '',
        source_pipeline='augmented' if augmented else 'pipeline',
        rare=f'\n    rare_classes=dict({data.rare}),' if draws_rare(recipe, network) else '',
        tile=TILE,
        evaluation=UNLABELLED if domains[1].labels is None else LABELLED,
    )
    lines = lines_of(plain, network, '', data)
    return text + ''.join(f'{line}\n' for line in lines)


def _with_statistics(text: str, found: dict[str, dict], report: Callable[[str], None]) -> str:
    """The text of a config, with the statistics of each stream in its model."""
    for name, one in found.items():
        report(f'{name}: mean of its bands {one["mean"]}, standard deviation {one["std"]}')
    streams = ''.join(f'    {name}={one},\n' for name, one in found.items())
    own = f'statistics = dict(  # of {WINDOWS} windows of each domain\n{streams})\n'
    return f'{text}{own}model = dict(model, data_preprocessor=dict(streams=statistics))\n'


def _dataset(domain: Domain, of_source: Labels, names: Sequence[str]) -> str:
    """Arguments of a domain's dataset, a line each."""
    images, labels, values = domain.images, domain.labels, list(of_source.values)
    prefix = dict(img_path=images.place.folder)
    settings = dict(img_suffix=images.place.suffix)
    if labels is not None:
        prefix['seg_map_path'] = labels.place.folder
        if not labels.place.is_file:
            settings['seg_map_suffix'] = labels.place.suffix
        if labels.own_grid:
            settings['label_grid'] = 'own'
        if labels.attribute is not None:
            called = dict(zip(of_source.texts or labels.texts, names[1:], strict=True))
            settings['label_polygons'] = dict(attribute=labels.attribute, classes=called)
    if images.place.prefix:
        settings['name_prefix'] = images.place.prefix
    if domain.given is not None:
        settings['gsd'] = domain.given
    if domain.bands != (1, 2, 3):
        settings['bands'] = domain.bands
    if domain.value_range is not None:
        settings['value_range'] = domain.value_range
    if labels is not None and not labels.are_colours and values != list(range(len(values))):
        settings['label_values'] = {value: index for index, value in enumerate(values)}
    prefix_text = ', '.join(f'{key}={value!r}' for key, value in prefix.items())
    lines = [f'data_prefix=dict({prefix_text})']
    lines += [f'{key}={value!r}' for key, value in settings.items()]
    return '\n'.join(f'    {line},' for line in lines)
