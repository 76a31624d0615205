"""Shows what a training sees: samples of each stream at one ground scale, class shares, colours, what looks wrong."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from mmengine.config import Config
from torch import Tensor

from mmuda.apis.candidates import built_dataset
from mmuda.apis.label_shift import Shift, label_shift
from mmuda.apis.prepare import prepare
from mmuda.apis.scale_warnings import warnings_of_scale
from mmuda.apis.stream_report import StreamReport, classes_of_stream, drawn_samples, warnings_between
from mmuda.datasets.raster.image_reading import read_image
from mmuda.datasets.raster.label_reading import read_label
from mmuda.datasets.uda_dataset import stream_of
from mmuda.structures import IGNORE_INDEX, no_data_of
from mmuda.utils.errors import UserError
from mmuda.utils.fileio import write_atomically
from mmuda.utils.markdown import markdown_table
from mmuda.utils.seeds import seeded
from mmuda.visualization import (
    Panel,
    at_ground_scale,
    default_palette,
    draw_histograms,
    draw_panels,
    draw_scale_bar,
    mark_missing,
    overlay_labels,
    viewable,
)

SIDE = 384
"""Side of a drawn crop in pixels."""
MOSTLY = 0.5
"""From this share of pixels without data on, a crop counts as empty."""
SHIFT_SIDE = 192
"""Side in pixels of the windows in which labels are compared with edges."""


@dataclass
class Stream:
    """What was seen of a stream.

    Attributes:
        report: Sizes, ground sample distance, class shares.
        palette: Colours of the classes.
        values: Pixels by value of each band, (bands, 256); pixels without data are left out.
        one_class: Number of labels of one class alone.
        empty: Number of crops that are mostly without data.
        shown: Pictures of the first crops: image, label or None, metres per pixel (1 if unknown).
        shift: Where labels clearly lie beside their images.
    """

    report: StreamReport
    palette: list
    values: np.ndarray | None = None
    one_class: int = 0
    empty: int = 0
    shown: list[tuple[np.ndarray, np.ndarray | None, float]] = field(default_factory=list)
    shift: Shift | None = None

    def add(self, sample: Mapping, show: bool) -> None:
        self.report.add(sample)
        if 'inputs' not in sample:
            return
        data = sample.get('data_samples')
        image = _rgb_first(sample['inputs'], data)
        missing = no_data_of(data, image.shape[:2])
        missing = np.zeros(image.shape[:2], bool) if missing is None else missing.numpy()
        label = data.gt_sem_seg.data[0].numpy().astype(np.uint8) if data is not None and 'gt_sem_seg' in data else None
        self._count(image, missing)
        self.empty += int(missing.mean() > MOSTLY)
        if label is not None:
            self.one_class += int(len(np.unique(label[label != IGNORE_INDEX])) == 1)
        if show:
            gsd = None if data is None else data.metainfo.get('gsd')
            picture = viewable(image, None if image.dtype == np.uint8 else (0, 255))
            self.shown.append((mark_missing(picture, missing), label, float(gsd or 1)))

    def _count(self, image: np.ndarray, missing: np.ndarray) -> None:
        pixels = image[~missing].clip(0, 255).round().astype(np.uint8)
        counts = np.stack([np.bincount(band, minlength=256) for band in pixels.T])
        self.values = counts if self.values is None else self.values + counts

    @property
    def colours(self) -> list[tuple[float, float]]:
        """Mean and standard deviation of each band, in [0, 255]."""
        if self.values is None:
            return []
        levels, found = np.arange(256), []
        for counts in self.values:
            total = max(counts.sum(), 1)
            mean = (levels * counts).sum() / total
            found.append((float(mean), float(np.sqrt((counts * (levels - mean) ** 2).sum() / total))))
        return found

    def warnings(self) -> list[str]:
        """What looks wrong, one sentence each."""
        name, found = self.report.name, self.report.warnings()
        if self.report.counts is not None and self.one_class == self.report.samples:
            found.append(f'{name}: each of {self.one_class} labels holds one class alone; check the labels')
        if self.empty > MOSTLY * self.report.samples:
            found.append(
                f'{name}: {self.empty} of {self.report.samples} crops are mostly without data; check nodata and bands, '
                'or limit the dataset to a region'
            )
        if self.shift is not None:
            found.append(
                f'{name}: boundaries of the labels fit the edges of the images best if labels are moved by '
                f'{_moved(self.shift)} px; check the georeference of both'
            )
        return found


@dataclass
class BrowseReport:
    """The findings of :func:`browse`; ``str()`` gives the readable report.

    Attributes:
        streams: What was seen of each stream.
        warnings: What looks wrong, one sentence each.
    """

    streams: list[Stream]
    warnings: list[str]

    def __str__(self) -> str:
        classes = next((stream.report.classes for stream in self.streams if stream.report.counts is not None), ())
        head = ['stream', 'crops', 'px', 'GSD, m', 'without data, %', *(f'{name}, %' for name in classes), 'mean ± std']
        rows = [self._row(stream, classes) for stream in self.streams]
        lines = [markdown_table(head, rows), '']
        wrong = ['This looks wrong:', '', *(f'- {warning}' for warning in self.warnings)]
        return '\n'.join(lines + (wrong if self.warnings else ['Nothing looks wrong.']))

    @staticmethod
    def _row(stream: Stream, classes: tuple[str, ...]) -> list[str]:
        report = stream.report
        total = 0 if report.counts is None else max(int(report.counts[:-1].sum()), 1)
        shares = [f'{100 * int(count) / total:.1f}' for count in report.counts[:-1]] if total else ['-'] * len(classes)
        return [
            report.name,
            report.samples,
            ', '.join('x'.join(map(str, shape[1:])) for shape in sorted(report.shapes)),
            ', '.join(f'{gsd:g}' for gsd in sorted(report.gsds)) or 'unknown',
            f'{100 * report.no_data / max(report.samples, 1):.1f}',
            *shares,
            ', '.join(f'{mean:.0f} ± {deviation:.0f}' for mean, deviation in stream.colours),
        ]


def browse(
    cfg: Config,
    out: str | os.PathLike,
    number: int = 6,
    samples: int = 64,
    seed: int = 0,
    report: Callable[[str], None] = print,
) -> BrowseReport:
    """Show what a training sees, after its transforms.

    Args:
        cfg: Config from :func:`mmuda.apis.load_config`.
        out: Folder for ``samples.png`` (crops of each stream at one ground scale, labels laid over), ``colours.png``
            (histograms of the bands) and ``report.md`` (class shares, colours, what looks wrong).
        number: Number of crops of each stream that are drawn.
        samples: Number of crops of each stream that are counted.
        seed: Seed of the crops; those of a training with that seed.
        report: Called with lines for the user.

    Returns:
        The report.

    Raises:
        UserError: The config has no training data, or they cannot be read.
    """
    if not cfg.get('train_dataloader'):
        raise UserError(f'config {cfg.filename} has no train_dataloader; give a config that trains')
    with tempfile.TemporaryDirectory(prefix='mmuda_browse_') as folder:
        prepared = prepare(cfg, folder, seed)
    dataset = built_dataset(prepared.train_dataloader.dataset)
    found: dict[str, Stream] = {}
    with seeded(seed):
        for place, item in enumerate(drawn_samples(dataset, max(number, samples), seed)):
            for name, sample in item.items():
                if name not in found:
                    classes = classes_of_stream(dataset, name)
                    found[name] = Stream(StreamReport(name, classes), _palette(dataset, name, len(classes)))
                found[name].add(sample, place < number)
    for name, stream in found.items():
        stream.shift = label_shift(_windows_of(stream_of(dataset, name), samples, seed))
    streams = list(found.values())
    answer = BrowseReport(streams, _warnings(streams, cfg))
    out = Path(out)
    write_atomically(_picture(streams), out / 'samples.png')
    names = ('red', 'green', 'blue') if all(len(stream.colours) == 3 for stream in streams) else ()
    counts = {stream.report.name: stream.values for stream in streams if stream.values is not None}
    write_atomically(draw_histograms(counts, names), out / 'colours.png')
    write_atomically(f'{answer}\n'.encode(), out / 'report.md')
    report(f'{answer}\n\nPictures: {out / "samples.png"}, {out / "colours.png"}')
    return answer


def _warnings(streams: list[Stream], cfg: Config) -> list[str]:
    found = [warning for stream in streams for warning in stream.warnings()]
    found += warnings_between([stream.report for stream in streams])
    bands = {stream.report.name: len(stream.colours) for stream in streams if stream.colours}
    if len(set(bands.values())) > 1:
        told = ', '.join(f'{name} {count}' for name, count in bands.items())
        found.append(f'the streams differ in their number of bands ({told}); set bands of each, in one order')
    return found + warnings_of_scale([stream.report for stream in streams], cfg)


def _rgb_first(inputs: Tensor, data) -> np.ndarray:
    """(H, W, C) with red, green and blue first."""
    image = inputs.permute(1, 2, 0).numpy()
    order = None if data is None else data.metainfo.get('channel_order')
    return np.concatenate([image[..., 2::-1], image[..., 3:]], axis=-1) if order == 'BGR' else image


def _palette(dataset, name: str, classes: int) -> list:
    return getattr(stream_of(dataset, name), 'metainfo', {}).get('palette') or default_palette(classes)


def _windows_of(dataset, number: int, seed: int) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Windows of labelled rasters as they lie in the files, since transforms flip and resample them."""
    if not getattr(dataset, 'labelled', False) or not hasattr(dataset, 'rasters') or not dataset.rasters:
        return []
    rng, found = np.random.default_rng(seed), []
    for index in rng.integers(0, len(dataset), number):
        info = dataset.get_data_info(int(index))
        if info.get('seg_map_path') is None:
            continue
        top, left, height, width = info.get('window') or (0, 0, *info['raster_shape'])
        size = min(SHIFT_SIDE, height), min(SHIFT_SIDE, width)
        row, col = top + int(rng.integers(height - size[0] + 1)), left + int(rng.integers(width - size[1] + 1))
        window = (row, col, *size)
        options = info.get('bands'), info.get('value_range'), info.get('region')
        image, valid = read_image(info['img_path'], window, *options)
        found.append((image, read_label(info['seg_map_path'], window, info['label_lut'], info['img_path']), valid))
    return found


def _moved(shift: Shift) -> str:
    parts = []
    for pixels, (less, more) in ((shift.rows, ('up', 'down')), (shift.columns, ('to the left', 'to the right'))):
        if pixels:
            parts.append(f'{abs(pixels)} {more if pixels > 0 else less}')
    return ' and '.join(parts)


def _picture(streams: list[Stream]) -> bytes:
    """A row for each crop: the image of each stream, and the image with its label where there is one."""
    extents = [max(image.shape[:2]) * gsd for stream in streams for image, _, gsd in stream.shown]
    scale = max(extents) / SIDE
    known = all(stream.report.gsds for stream in streams if stream.shown)
    rows = []
    for place in range(max(len(stream.shown) for stream in streams)):
        row = []
        for stream in streams:
            if place >= len(stream.shown):
                continue
            image, label, gsd = stream.shown[place]
            drawn = at_ground_scale(image, gsd, scale, SIDE)
            length = draw_scale_bar(drawn, scale)
            title = f'{stream.report.name}: {gsd:.4g} m; bar {length:g} m' if known else stream.report.name
            row.append(Panel(drawn, title if place == 0 else ''))
            if label is not None:
                # A label may be finer than its image, where a segmentor super-resolves.
                pixel = gsd * image.shape[0] / label.shape[0]
                below = cv2.resize(image, label.shape[::-1], interpolation=cv2.INTER_NEAREST)
                laid = at_ground_scale(overlay_labels(below, label, stream.palette), pixel, scale, SIDE)
                row.append(Panel(laid, f'{stream.report.name}, labels' if place == 0 else ''))
        rows.append(row)
    labelled = next((stream for stream in streams if stream.report.counts is not None), None)
    classes, palette = (labelled.report.classes, labelled.palette) if labelled else ((), ())
    return draw_panels(rows, classes, palette)
