"""Writes a translated source dataset, on which any other method can train."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import rasterio
import torch
from mmengine.config import Config
from rasterio.errors import NotGeoreferencedWarning
from rasterio.windows import Window

from mmuda.apis.prepare import prepare
from mmuda.checkpoints.reading import load_weights
from mmuda.datasets.raster.image_reading import read_image
from mmuda.datasets.raster.output import raster_like
from mmuda.datasets.raster.reading import read_window
from mmuda.datasets.raster.valid import image_bands, may_lack_data
from mmuda.engine.raster_tiles import image_folder
from mmuda.maps.windows import kept_spans
from mmuda.registry import DATASETS, MODELS
from mmuda.utils.digests import digest_of
from mmuda.utils.errors import UserError
from mmuda.utils.fileio import write_atomically
from mmuda.utils.inputs import check_outputs
from mmuda.utils.locks import sole_writer
from mmuda.utils.progress import Progress
from mmuda.utils.seeds import seeded
from mmuda.utils.writing import check_writable
from mmuda.visualization import Panel, draw_panels, viewable

MAKER = 'MMUDA_CHECKPOINT'
PICTURE_SIZE = 256
RESAMPLING = ('ResampleToGSD', 'ResolutionPair')


def translate_dataset(
    cfg: Config,
    checkpoint: str | os.PathLike,
    out: str | os.PathLike,
    tile: int = 512,
    margin: int = 32,
    device: str | None = None,
    report: Callable[[str], None] = print,
) -> list[Path]:
    """Translate the source images of a config into the look of the target with a trained :class:`ImageTranslation`.

    Each raster becomes ``<out>/<its path below img_path>``, a uint8 GeoTIFF (whatever its suffix) with the same grid,
    georeference and size; ``<out>.png`` shows some of them. Labels stay where they are: another config trains on the
    result with ``translated_images=OUT`` in its source dataset. Windows overlap by twice the margin and only their
    centres are kept. A raster appears once it is complete, and existing translations by the same checkpoint are
    skipped.

    Args:
        cfg: Config of the translation, with ``train_dataloader.dataset.source``.
        checkpoint: The trained weights.
        out: Folder for the translated images.
        tile: Size of the windows in pixels, a multiple of 4.
        margin: Pixels discarded at a window's border, a multiple of 4.
        device: E.g. ``'cuda:0'``; None takes a GPU if there is one.
        report: Called with lines for the user.

    Returns:
        The files.

    Raises:
        UserError: If the config has no source rasters or resamples them, if the sizes do not fit, if ``out`` holds
            images of another checkpoint or of the source, or if another process writes there.
    """
    if tile % 4 or margin % 4 or not 0 <= margin < tile // 2:
        raise UserError(f'tile={tile} and margin={margin}: give multiples of 4, the margin below half the tile')
    cfg = prepare(cfg)
    dataset = _source(cfg)
    folder, picture = image_folder(dataset), Path(f'{os.path.normpath(out)}.png')
    outputs = {raster.path: Path(out) / os.path.relpath(raster.path, folder) for raster in dataset.rasters}
    check_outputs(outputs, [checkpoint], [picture])
    model = MODELS.build(cfg.model)
    load_weights(model, checkpoint)
    model.to(device or ('cuda' if torch.cuda.is_available() else 'cpu')).eval()
    check_writable(out)
    written, maker = [], digest_of(checkpoint)
    progress = Progress(len(dataset.rasters), 'rasters', report, seconds=0, last=True)
    with sole_writer(out, 'being filled with translations'):
        for done, raster in enumerate(dataset.rasters, 1):
            path = outputs[raster.path]
            if not _made_by(path, maker):
                _translate(model, dataset, raster, path, tile, margin, maker)
            written.append(path)
            progress.update(done)
    write_atomically(_picture(cfg, dataset, written), picture)
    report(f'look at {picture}')
    return written


def _picture(cfg: Config, dataset, written: list[Path]) -> bytes:
    """The centres of some rasters before and after translation, each next to a target sample as training sees it."""
    streams, rows = cfg.train_dataloader.dataset, []
    target = DATASETS.build(dict(streams.target)) if streams.get('target') else None
    for i in sorted({0, len(written) // 2, len(written) - 1}):
        raster, row = dataset.rasters[i], []
        if target is not None:
            with seeded(i):
                row.append(Panel(_bands_last(target[(i * len(target)) // len(written)]['inputs']), 'Target', True))
        size = min(raster.height, raster.width, max(row[0].image.shape) if row else PICTURE_SIZE)
        window = ((raster.height - size) // 2, (raster.width - size) // 2, size, size)
        before = read_image(raster.path, window, dataset.bands, dataset.value_range)[0].astype(np.uint8)
        after = read_window(os.fspath(written[i]), window)
        name = os.path.basename(raster.path)
        rows.append([Panel(viewable(before), name, True), Panel(viewable(after), 'Translated', True), *row])
    return draw_panels(rows, title='Translation of the source into the look of the target')


def _bands_last(inputs: torch.Tensor) -> np.ndarray:
    return viewable(inputs.permute(1, 2, 0).numpy())


def _source(cfg: Config):
    """The source's rasters, whichever dataset cuts crops or patches from them."""
    source = dict(cfg.train_dataloader.dataset.source)
    resampled = any(step['type'] in RESAMPLING for step in source.get('pipeline') or [])
    gsd = None
    if source['type'] == 'PatchSet':
        gsd, source = source.get('gsd'), dict(source['dataset'])
    dataset = DATASETS.build({**source, 'pipeline': [], 'tile': None, 'samples_per_raster': 1, 'labelled': False})
    dataset.full_init()
    resampled |= gsd is not None and any(abs(raster.gsd / gsd - 1) > 0.01 for raster in dataset.rasters)
    oblong = next((raster.path for raster in dataset.rasters if not raster.square), None)
    if oblong is not None:
        raise UserError(
            f'the pixels of {oblong} are not square on the ground, so the generators were trained on resampled images '
            'and do not know the raster as it is; reproject the source into square pixels, e.g. of UTM (gdalwarp)'
        )
    if resampled:
        raise UserError(
            f'config {cfg.filename} trains on a resampled source, so its generators do not know the rasters as they '
            'are; bring the target to the ground sample distance of the source instead'
        )
    return dataset


def _made_by(path: Path, maker: str) -> bool:
    if not path.is_file():
        return False
    with warnings.catch_warnings():
        warnings.simplefilter('ignore', NotGeoreferencedWarning)
        with rasterio.open(path) as file:
            found = file.tags().get(MAKER)
    if found != maker:
        raise UserError(f'{path} was made by another checkpoint; give another --out, or remove its folder')
    return True


def _translate(model, dataset, raster, path: Path, tile: int, margin: int, maker: str) -> None:
    device = next(model.parameters()).device
    bands = image_bands(raster.path, dataset.bands)
    masked = may_lack_data(raster.path, bands)
    # The mask is stored inside the file, so that every reader finds the pixels without data; no band is opacity.
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), raster_like(path, raster.path, len(bands), alpha='no') as output:
        output.update_tags(**{MAKER: maker})
        for top, bottom, row, row_end in kept_spans(raster.height, tile, margin):
            for left, right, col, col_end in kept_spans(raster.width, tile, margin):
                window = (top, left, bottom - top, right - left)
                image, valid = read_image(raster.path, window, bands, dataset.value_range)
                height, width = image.shape[:2]
                # The generator downsamples twice by 2, so windows are padded by reflection to a multiple of 4.
                padded = np.pad(image, ((0, -height % 4), (0, -width % 4), (0, 0)), mode='symmetric')
                tensor = torch.from_numpy(np.ascontiguousarray(padded.transpose(2, 0, 1)))[None].to(device)
                found = model.translate(tensor)[0, :, :height, :width].round().byte().cpu().numpy()
                part = found[:, row - top : row_end - top, col - left : col_end - left]
                area = Window(col, row, col_end - col, row_end - row)
                output.write(part, window=area)
                if masked:
                    output.write_mask(valid[row - top : row_end - top, col - left : col_end - left], window=area)
