"""Writes the synthetic imagery to a folder, once."""

import contextlib
import json
import os
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict
from functools import partial
from pathlib import Path

import numpy as np
import rasterio
from mmengine.logging import print_log

from mmuda.datasets.raster.checked_writing import write_raster
from mmuda.utils.errors import UserError
from mmuda.utils.fileio import filling
from mmuda.utils.json_file import read_object
from mmuda.utils.locks import take_lock
from mmuda.utils.progress import Progress

from .domains import STYLES
from .materials import BUILDING
from .render import render_scene
from .styles import DomainStyle

VERSION = 1
"""Version number, raised by every change of the generator that affects the images."""

SCENES = dict(source=dict(train=(8, 256), val=(2, 256)), target=dict(train=(6, 512), val=(4, 512)))
"""Domain -> split -> number of scenes and their size in pixels: 256 m at 1.0 m, 153.6 m at 0.3 m."""

META = 'meta.json'
CRS = 'EPSG:32633'
ORIGIN = (400_000.0, 5_800_000.0)
SPACING = 1_000.0

Scenes = Mapping[str, Mapping[str, tuple[int, int]]]


def generate(
    root: str | os.PathLike,
    seed: int = 0,
    scenes: Scenes = SCENES,
    styles: Mapping[str, DomainStyle] = STYLES,
    workers: int = 2,
) -> Path:
    """Write the synthetic imagery, unless it is there already.

    ``<root>/<domain>/<split>/scene_NN_image.tif`` is RGB uint8; ``scene_NN_label2.tif`` (0, 1 building) and
    ``scene_NN_label6.tif`` (ISPRS classes, see ``ISPRS_CLASSES``) lie on the same grid. All are GeoTIFFs in a projected
    CRS in metres. A scene depends only on the seed, its domain, split and number. The folder appears only when it is
    complete, and several processes may call this at the same time.

    Args:
        root: The folder.
        seed: Seed of all scenes.
        scenes: Domain -> split -> (number of scenes, size in pixels).
        styles: Domain -> style.
        workers: Number of rendering threads; it does not affect the files.

    Returns:
        The folder.

    Raises:
        UserError: The folder holds imagery of another version, seed or style, or something else.
    """
    root = Path(root)
    wanted = describe(seed, scenes, styles)
    if not is_complete(root, wanted):
        root.parent.mkdir(parents=True, exist_ok=True)
        with exclusive(root):
            # Another process may have written it while this one waited.
            if not is_complete(root, wanted):
                write_all(root, wanted, seed, scenes, styles, workers)
    return root


def describe(seed: int, scenes: Scenes, styles: Mapping[str, DomainStyle]) -> dict:
    """All settings that determine the imagery, as read back from JSON."""
    settings = dict(
        version=VERSION, seed=seed, scenes=scenes, styles={name: asdict(styles[name]) for name in sorted(scenes)}
    )
    return json.loads(json.dumps(settings))


def is_complete(root: Path, wanted: dict) -> bool:
    """Whether the folder holds the wanted imagery; False if there is no folder or it is empty.

    Raises:
        UserError: There is something else in the folder.
    """
    if not root.exists() or (root.is_dir() and not any(root.iterdir())):
        return False
    try:
        found = read_object(root / META, 'it tells what the imagery is')
    except (OSError, ValueError) as error:
        raise UserError(
            f'{root} exists but holds no synthetic imagery ({META} cannot be read: {error}); name another folder.'
        ) from error
    differing = [key for key in wanted if found.get(key) != wanted[key]]
    if differing:
        details = ', '.join(
            f'{key} is {found.get(key)} instead of {wanted[key]}' if key in ('version', 'seed') else f'other {key}'
            for key in differing
        )
        raise UserError(f'{root} holds other synthetic imagery ({details}); delete it or name another folder.')
    return True


@contextlib.contextmanager
def exclusive(root: Path) -> Iterator[None]:
    """Let one process at a time write ``root``, so that two ranks do not render the same scenes.

    If files cannot be locked, both render. This is slower but just as safe, since the final rename decides.
    """
    with open(root.parent / f'.{root.name}.lock', 'w') as file:
        take_lock(file, wait=True)
        yield


def write_all(root: Path, wanted: dict, seed: int, scenes: Scenes, styles, workers: int) -> None:
    """Write everything to a temporary folder next to ``root`` and rename it."""
    try:
        with filling(root) as temporary:
            jobs = list_jobs(temporary, seed, scenes, styles)
            run_jobs(jobs, root, workers)
            (temporary / META).write_text(json.dumps(wanted, indent=1))
    except OSError:
        # Without a lock another process can be first; its files are equivalent.
        if not is_complete(root, wanted):
            raise


def list_jobs(folder: Path, seed: int, scenes: Scenes, styles: Mapping[str, DomainStyle]) -> list[tuple]:
    """Arguments of ``write_scene`` for every scene."""
    jobs = []
    for d, domain in enumerate(sorted(scenes)):
        for s, split in enumerate(sorted(scenes[domain])):
            (folder / domain / split).mkdir(parents=True)
            number, size = scenes[domain][split]
            for index in range(number):
                entropy = np.random.SeedSequence([seed, d, s, index])
                origin = ORIGIN[0] + index * SPACING, ORIGIN[1] + (2 * d + s) * SPACING
                jobs.append((folder / domain / split / f'scene_{index:02d}', styles[domain], size, entropy, origin))
    return jobs


def run_jobs(jobs: list[tuple], root: Path, workers: int) -> None:
    """Write the scenes and report progress with an estimate of the remaining time."""
    print_log(f'Synthetic imagery: writing {len(jobs)} scenes to {root}, once.', logger='current')
    progress = Progress(
        len(jobs), 'scenes of synthetic imagery', partial(print_log, logger='current'), seconds=4.0, last=True
    )
    with ThreadPoolExecutor(workers) as pool:
        futures = [pool.submit(write_scene, *job) for job in jobs]
        try:
            for done, future in enumerate(as_completed(futures), 1):
                future.result()
                progress.update(done)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def write_scene(stem: Path, style: DomainStyle, size: int, entropy: np.random.SeedSequence, origin) -> None:
    """Render one scene and write its image and labels."""
    image, label = render_scene(np.random.default_rng(entropy), style, size)
    gsd = style.sensor.gsd
    grid = dict(crs=CRS, transform=rasterio.Affine(gsd, 0, origin[0], 0, -gsd, origin[1]))
    coding = dict(compress='deflate', tiled=True, blockxsize=256, blockysize=256)
    write_raster(f'{stem}_image.tif', np.moveaxis(image, -1, 0), photometric='RGB', predictor=2, **grid, **coding)
    for number, classes in ((2, (label == BUILDING).astype(np.uint8)), (6, label.astype(np.uint8))):
        write_raster(f'{stem}_label{number}.tif', classes, **grid, **coding)
