"""Describes the streams of a training dataset: size, ground sample distance, class shares."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from statistics import median

import torch
from mmengine.registry import DATA_SAMPLERS
from torch import Tensor, nn

from mmuda.datasets.raster.bands import described_bands
from mmuda.datasets.raster.options import has_range_by_band
from mmuda.datasets.raster.valid import image_bands
from mmuda.datasets.uda_dataset import stream_of
from mmuda.structures import no_data_of

MAX_IGNORED = 0.5


@dataclass
class StreamReport:
    """A stream as seen in a few samples.

    Attributes:
        name: Name of the stream.
        classes: Class names of the dataset.
        samples: Number of samples read.
        shapes: Shapes (C, H, W) of the inputs that occurred.
        gsds: Ground sample distances of the inputs that occurred, metres per pixel.
        fine_gsds: Those of the fine grid, if there is one.
        counts: Labelled pixels by class index; the last entry counts ignored pixels. None without labels.
        constant: Number of samples whose image has a single value.
        no_data: Mean share of pixels without data, in [0, 1], times ``samples``.
        orders: Channel orders that the loader stated, ``'RGB'`` or ``'BGR'``; empty if it states none.
        bands: Numbers of the bands that are read of rasters, counted from 1.
        band_names: What the first raster's file calls them; '' where it gives no name.
        value_range: Values of the rasters that become 0 and 255, of all bands or by band.
    """

    name: str
    classes: tuple[str, ...] = ()
    samples: int = 0
    shapes: set[tuple[int, ...]] = field(default_factory=set)
    gsds: set[float] = field(default_factory=set)
    fine_gsds: set[float] = field(default_factory=set)
    counts: Tensor | None = None
    constant: int = 0
    no_data: float = 0.0
    orders: set[str] = field(default_factory=set)
    bands: tuple[int, ...] = ()
    band_names: tuple[str, ...] = ()
    value_range: Sequence | None = None

    def add(self, sample: dict) -> None:
        """Take a sample (``inputs``, ``data_samples``) into account."""
        self.samples += 1
        data_sample = sample.get('data_samples')
        if 'inputs' in sample:
            self.shapes.add(tuple(sample['inputs'].shape))
            self.constant += int(bool((sample['inputs'] == sample['inputs'].flatten()[0]).all()))
        if data_sample is None:
            return
        if data_sample.metainfo.get('channel_order') is not None:
            self.orders.add(data_sample.metainfo['channel_order'])
        for key, found in (('gsd', self.gsds), ('fine_gsd', self.fine_gsds)):
            if data_sample.metainfo.get(key) is not None:
                found.add(round(float(data_sample.metainfo[key]), 4))
        missing = no_data_of(data_sample)
        if missing is not None:
            self.no_data += float(missing.float().mean())
        if 'gt_sem_seg' in data_sample:
            self._count(data_sample.gt_sem_seg.data)

    def _count(self, label: Tensor) -> None:
        bins = len(self.classes) + 1
        if self.counts is None:
            self.counts = torch.zeros(bins, dtype=torch.int64)
        indices = label.flatten().long()
        self.counts += torch.bincount(indices.clamp(max=bins - 1), minlength=bins)

    @property
    def ignored(self) -> float:
        """Share of ignored pixels, in [0, 1]."""
        return float(self.counts[-1] / self.counts.sum())

    @property
    def extent(self) -> float | None:
        """Ground extent of the inputs' longer side in metres, None if it is unknown or varies."""
        if len(self.shapes) != 1 or len(self.gsds) != 1:
            return None
        return max(next(iter(self.shapes))[1:]) * next(iter(self.gsds))

    @property
    def class_weights(self) -> list[float]:
        """Median frequency balancing of the classes (Eigen & Fergus, arXiv 1411.4734): median share / own share.

        For ``class_weight`` of a loss, which pays off where rare classes are missed. [] if a class was not seen.
        """
        counts = [] if self.counts is None else self.counts[:-1].tolist()
        if len(counts) < 2 or min(counts) == 0:
            return []
        return [float(f'{median(counts) / count:.3g}') for count in counts]

    def lines(self) -> list[str]:
        """The report of this stream."""
        shapes = ', '.join('x'.join(map(str, shape)) for shape in sorted(self.shapes)) or 'no image'
        gsd = ', '.join(f'{gsd:g}' for gsd in sorted(self.gsds)) or 'unknown'
        fine = f', fine grid {", ".join(f"{gsd:g}" for gsd in sorted(self.fine_gsds))} m' if self.fine_gsds else ''
        extent = f', {self.extent:.1f} m of ground' if self.extent is not None else ''
        lines = [f'{self.name}: {self.samples} samples of {shapes}, ground sample distance {gsd} m{fine}{extent}']
        if self.bands:
            scaled = '' if self.value_range is None else f'; values from {_pairs(self.value_range)} become 0 to 255'
            lines.append(f'  bands: {described_bands(self.bands, self.band_names)}{scaled}')
        if self.no_data:
            lines.append(f'  no data: {100 * self.no_data / self.samples:.1f} % of the pixels')
        if self.counts is None:
            return [*lines, '  no labels']
        labelled = max(int(self.counts[:-1].sum()), 1)
        shares = [f'{name} {100 * int(n) / labelled:.1f} %' for name, n in zip(self.classes, self.counts, strict=False)]
        lines.append(f'  labels: {", ".join(shares)}; ignored {100 * self.ignored:.1f} %')
        weights = self.class_weights
        return [*lines, f'  class_weight by these shares: {weights}'] if weights else lines

    def warnings(self) -> list[str]:
        """Suspicious findings, one sentence each."""
        found = []
        if self.samples and self.constant == self.samples:
            found.append(f'{self.name}: all {self.samples} images are constant; check value_range and the files')
        elif self.constant:
            found.append(f'{self.name}: {self.constant} of {self.samples} images are constant (nodata?)')
        if len(self.shapes) > 1:
            found.append(f'{self.name}: images have {len(self.shapes)} sizes; batches of more than one need one size')
        if self.counts is None:
            return found
        unseen = [name for name, count in zip(self.classes, self.counts, strict=False) if count == 0]
        if unseen:
            found.append(f'{self.name}: not one pixel of {", ".join(unseen)} in {self.samples} samples; check labels')
        if self.ignored > MAX_IGNORED:
            found.append(f'{self.name}: {100 * self.ignored:.0f} % of the label pixels are ignored; check label values')
        return found


def _pairs(value_range: Sequence) -> str:
    pairs = value_range if has_range_by_band(value_range) else [value_range]
    return ', '.join(f'{low:g} to {high:g}' for low, high in pairs)


def warnings_of_bands(streams: Sequence[StreamReport]) -> list[str]:
    """Bands that the files of two streams name differently, though a network takes them for the same.

    Args:
        streams: The observed streams.
    """
    found, named = [], [stream for stream in streams if stream.bands]
    for first, second in zip(named, named[1:], strict=False):
        names = [[one.band_names[band - 1] for band in one.bands] for one in (first, second)]
        for place, (ours, theirs) in enumerate(zip(*names, strict=False), 1):
            if ours and theirs and ours != theirs:
                found.append(
                    f'band {place} of what the network sees is {ours} in the files of {first.name} and {theirs} in '
                    f'those of {second.name}; choose the same by bands of both'
                )
    return found


def channel_lines(streams: Sequence[StreamReport], model: nn.Module) -> list[str]:
    """Lines on the channel order of each stream and of the network's input; [] if no loader states it.

    Args:
        streams: The observed streams.
        model: The model, whose data preprocessor converts them to one order.
    """
    stated = [stream for stream in streams if stream.orders]
    preprocessor = getattr(model, 'data_preprocessor', None)
    if not stated or not hasattr(preprocessor, 'rgb_to_bgr'):
        return []
    given = 'BGR' if preprocessor.rgb_to_bgr else 'RGB'
    loaded = ', '.join(f'{stream.name} as {" and ".join(sorted(stream.orders))}' for stream in stated)
    lines = [f'channels: loaded {loaded}; the network is given {given} of all, in which mean and std are read']
    asked = [s.name for s in stated if preprocessor.streams.get(s.name, preprocessor.default)['bgr_to_rgb']]
    if asked:
        lines.append(f'  bgr_to_rgb=True of {", ".join(asked)} changes nothing: the loader states its order')
    return lines


def report_streams(dataset, samples: int, seed: int) -> list[StreamReport]:
    """Read the first samples of a training run, drawn as in the run.

    Args:
        dataset: A UDADataset, whose items are samples by stream, or a plain mmseg dataset.
        samples: Number of items to read.
        seed: Seed of the run.
    """
    reports: dict[str, StreamReport] = {}
    for streams in drawn_samples(dataset, min(samples, len(dataset)), seed):
        for name, sample in streams.items():
            if name not in reports:
                reports[name] = StreamReport(name, classes_of_stream(dataset, name), **bands_of_stream(dataset, name))
            reports[name].add(sample)
    return list(reports.values())


def drawn_samples(dataset, number: int, seed: int) -> Iterator[dict[str, dict]]:
    """The first samples of a training run, by stream; a plain mmseg dataset is the stream ``train``.

    Args:
        dataset: A UDADataset, or a plain mmseg dataset.
        number: Number of items to read; of a plain dataset, at most all.
        seed: Seed of the run.
    """
    for index in islice(iter(_sampler(dataset, seed)), number):
        item = dataset[index]
        yield {'train': item} if 'inputs' in item else item


def _sampler(dataset, seed: int) -> Sequence | object:
    """The sampler of training runs if the dataset has streams; its indices fix every random choice."""
    if hasattr(dataset, 'streams'):
        return DATA_SAMPLERS.build(dict(type='DrawSampler', dataset=dataset, seed=seed))
    return range(len(dataset))


def classes_of_stream(dataset, name: str) -> tuple[str, ...]:
    """Names of the classes of a stream; () if it has none."""
    return tuple(getattr(stream_of(dataset, name), 'metainfo', {}).get('classes') or ())


def rasters_below(dataset):
    """The rasters below patches of them, or below a repeated dataset; other datasets as they are."""
    while not hasattr(dataset, 'rasters') and getattr(dataset, 'dataset', None) is not None:
        dataset = dataset.dataset
    return dataset


def bands_of_stream(dataset, name: str) -> dict:
    """The bands of a stream of rasters, and what the first raster calls them."""
    stream = rasters_below(stream_of(dataset, name))
    if not getattr(stream, 'rasters', None):
        return {}
    first = stream.rasters[0]
    bands = image_bands(first.path, stream.bands)
    return dict(bands=bands, band_names=first.names, value_range=stream.value_range)


def warnings_between(streams: Sequence[StreamReport]) -> list[str]:
    """Streams that a network sees as images should cover the same ground."""
    known = [stream for stream in streams if stream.extent is not None]
    warnings = []
    for first, second in zip(known, known[1:], strict=False):
        ratio = first.extent / second.extent
        if not 0.9 < ratio < 1.1:
            warnings.append(
                f'crops of {first.name} cover {first.extent:.1f} m and those of {second.name} {second.extent:.1f} m: '
                'give both the same ground extent, unless the difference in scale is meant'
            )
    return warnings
