"""Rasters of any size as a segmentation dataset, read by windows."""

import logging
import os.path as osp
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from numbers import Integral

import numpy as np
from mmengine.logging import print_log
from mmseg.datasets import BaseSegDataset

from mmuda.datasets.raster.bands import check_bands
from mmuda.datasets.raster.damage import windows_to_check
from mmuda.datasets.raster.files import check_spellings, existing_suffix, list_images, read_list, suffix_of
from mmuda.datasets.raster.grid import check_same_grid
from mmuda.datasets.raster.label_coding import look_at_labels, only_0_and_255, settle_coding
from mmuda.datasets.raster.label_colours import check_colours, colour_table_of, colours_of_palette, with_colours
from mmuda.datasets.raster.labels import LabelTable, build_label_lut
from mmuda.datasets.raster.notes import notes_on_colours, notes_on_grids, notes_on_labels, notes_on_pixels
from mmuda.datasets.raster.options import check_gsd, check_label_band, check_label_mappings, check_range
from mmuda.datasets.raster.reading import RasterInfo, check_rasters, probe_raster
from mmuda.datasets.raster.valid import image_bands
from mmuda.datasets.transforms.ground_pixels import grid_follows
from mmuda.registry import DATASETS, TRANSFORMS
from mmuda.utils.errors import UserError
from mmuda.utils.ranges import COUNTS, require_each

_CHECK_FILES = 64


@DATASETS.register_module()
class RasterDataset(BaseSegDataset):
    """Images, and optionally labels, in rasters of any size, of which only windows are read.

    Folders, suffixes, ``metainfo``, ``reduce_zero_label`` and ``ann_file`` are as in mmseg's ``BaseSegDataset``. For
    training an item is one crop to draw from a raster (big rasters have more items, see ``samples_per_raster``); with
    ``tile`` an item is one window of a regular grid. The pipeline starts with :class:`RandomGroundCrop` (training) and
    :class:`LoadRasterWindow`.

    What is wrong with the files is reported when the dataset is built: no images, unreadable or mismatching rasters,
    a missing ground sample distance, a crop that is larger than a raster, label values that are no class. What the
    files leave open, and pixels that are not square on the ground, are told as warnings and kept in ``notes``.

    Pixels that are not square on the ground (degrees away from the equator) are resampled to squares of the same area
    by :class:`LoadRasterWindow`, or by the step behind it that resamples to a ground sample distance; in a test the
    label stays on the raster's grid, to which the prediction returns.

    Args:
        gsd (float | None): Ground sample distance in metres a pixel. None takes it from each raster's georeference,
            as true ground metres at the raster's centre (a map whose scale is true to 0.3 %, as all of UTM is, counts
            with its own pixel size); a value given here is nominal, says that pixels are squares, and wins.
        bands (Sequence[int] | None): Bands of the image, counted from 1, in the order they are handed on. None is all.
        value_range (tuple[float, float] | None): Values that become 0 and 255 (values outside are clipped). Images
            that are not uint8 need it; the result is float32 in [0, 255].
        labelled (bool): False never touches labels, even if ``data_prefix`` has ``seg_map_path``.
        translated_images (str | None): Folder of images that ``tools/translate.py`` wrote, which take the place of the
            dataset's own, at their paths below ``img_path``; labels stay the dataset's.
        predicted_labels (str | None): Folder of labels that a segmentor wrote (a stage's pseudo labels, ``tools/test.py
            --out``), which take the place of the dataset's own: class indices and 255, in ``.tif`` files at the images'
            paths below ``img_path``. Neither ``label_values`` nor ``reduce_zero_label`` applies to them.
        label_values (dict[float, int] | None): Value in the label -> class index or 255, e.g. ``{0: 0, 255: 1}`` for
            masks of 0 and 255; any number. It comes before ``reduce_zero_label`` and ``label_map``, and before what the
            file declares as no data. Of three bands the first counts, where it tells the colours apart.
        label_colours (dict[tuple, int] | None): Colour (red, green, blue) in the label -> class index or 255. None goes
            by the palette of ``metainfo`` where labels have three bands, and by values where they have one.
        label_band (int | None): Band of the label that holds class values, counted from 1, where bands mean different
            things (SYNTHIA's second holds instances).
        tile (int | tuple[int, int] | None): Size (height, width) in pixels of the windows of a regular grid.
        last_tile (str): ``'keep'``: the last tile of a row or column is smaller where the raster is no multiple, so
            that every pixel is there exactly once. ``'shift'``: it is moved inwards and overlaps its neighbour.
        samples_per_raster (int | None): Items a raster, instead of its area divided by the crop's, at least 1.
        name_prefix (str | Sequence[str]): Take only files whose name starts so.
        check_labels (str): What is read of the labels when the dataset is built: ``'all'`` of every file, ``'sample'``
            (small ones wholly, three windows of large ones, at most 64 files) or ``'none'``. Values are checked in any
            case when a window is loaded.
        check_images (str): What is decoded of the images when the dataset is built, likewise, beside headers and ends
            of all files; checksums of GeoTIFF blocks, which GDAL takes no notice of, are verified.
        domain (str | None): Name of the domain in the samples' metainfo. :class:`UDADataset` sets its stream's name.
        img_suffix (str | Sequence[str]): Suffixes of images; capitals do not matter, ``.tif`` stands for ``.tiff`` too,
            and ``.jpg`` for ``.jpeg``.
        seg_map_suffix (str | Sequence[str]): Suffixes of labels, likewise; the first that exists is taken.
        data_prefix (dict): ``img_path`` and, for labels, ``seg_map_path``; relative to ``data_root``. Subfolders are
            searched, and a label has its image's relative path.
        pipeline (Sequence[dict | Callable]): Transforms or their configs.
        **kwargs: As ``BaseSegDataset``.

    Raises:
        FileNotFoundError: A folder or label is missing, or no image is found.
        UserError: The files or the arguments are unfit, as above.
    """

    reads_images = True
    """False for rasters that hold labels, whose values are not brought to a range."""

    def __init__(
        self,
        gsd: float | None = None,
        bands: Sequence[int] | None = (1, 2, 3),
        value_range: tuple[float, float] | None = None,
        labelled: bool = True,
        translated_images: str | None = None,
        predicted_labels: str | None = None,
        label_values: dict[float, int] | None = None,
        label_colours: dict[tuple[int, int, int], int] | None = None,
        label_band: int | None = None,
        tile: int | tuple[int, int] | None = None,
        last_tile: str = 'keep',
        samples_per_raster: int | None = None,
        name_prefix: str | Sequence[str] = '',
        check_labels: str = 'sample',
        check_images: str = 'sample',
        domain: str | None = None,
        img_suffix: str | Sequence[str] = '.tif',
        seg_map_suffix: str | Sequence[str] = '.tif',
        data_prefix: dict | None = None,
        pipeline: Sequence[dict | Callable] = (),
        **kwargs,
    ) -> None:
        _check_choice('last_tile', last_tile, ('keep', 'shift'))
        _check_choice('check_labels', check_labels, ('sample', 'all', 'none'))
        _check_choice('check_images', check_images, ('sample', 'all', 'none'))
        check_gsd(gsd, type(self).__name__)
        check_range(value_range, type(self).__name__)
        check_label_band(label_band, type(self).__name__)
        check_label_mappings(label_values, label_colours, type(self).__name__)
        if label_colours is not None and (label_values is not None or label_band is not None):
            raise UserError(
                f'label_colours of {type(self).__name__} goes by colours, label_values and label_band by values; give '
                'one of them.'
            )
        require_each(COUNTS, self, tile=tile, samples_per_raster=samples_per_raster)
        self.gsd = gsd
        bands = check_bands(bands, type(self).__name__)
        # Translated images hold the chosen bands in their order, in 8 bits.
        own = translated_images is None
        self.bands = bands if own else None
        self.value_range = tuple(value_range) if value_range is not None and own else None
        self.translated_images = translated_images
        self.predicted_labels = predicted_labels
        self.label_values = label_values
        self.label_colours = label_colours
        self.label_band = label_band
        # mmseg invents a palette where none is given, whose colours are nobody's.
        known = self.METAINFO if self.METAINFO.get('classes') else kwargs.get('metainfo') or {}
        self._file_palette = known.get('palette')
        self.tile = (tile, tile) if isinstance(tile, Integral) else tuple(tile) if tile else None
        self.last_tile = last_tile
        self.samples_per_raster = samples_per_raster
        self.name_prefix = (name_prefix,) if isinstance(name_prefix, str) else tuple(name_prefix)
        self.check_labels = check_labels
        self.check_images = check_images
        self.domain = domain
        self.rasters: list[RasterInfo] = []
        self.notes: list[str] = []
        # Built here, since mmengine would look only where the default scope points.
        steps = [TRANSFORMS.build(step) if isinstance(step, Mapping) else step for step in pipeline]
        # Whether labels follow their images to square pixels; UDADataset sets it for its streams.
        self.trains = any(hasattr(step, 'crop_size') for step in steps)
        prefix = {key: value for key, value in (data_prefix or dict(img_path='')).items() if value is not None}
        if predicted_labels is not None:
            prefix['seg_map_path'] = predicted_labels
        self.labelled = labelled and 'seg_map_path' in prefix
        if not self.labelled:
            prefix.pop('seg_map_path', None)
        super().__init__(
            img_suffix=_as_tuple(img_suffix),
            seg_map_suffix=_as_tuple(seg_map_suffix),
            data_prefix=prefix,
            pipeline=steps,
            **kwargs,
        )

    def select(self, name: str) -> bool:
        """Whether a file belongs to this dataset; subclasses override it, e.g. for a split by names.

        Args:
            name (str): The image's file name without folder and suffix.

        Returns:
            bool: True to take it.
        """
        return name.startswith(self.name_prefix)

    def load_data_list(self) -> list[dict]:
        """Find the rasters, check them, and list the items.

        Returns:
            list[dict]: One entry an item with ``img_path``, ``seg_map_path`` (labelled only), ``gsd`` (metres a pixel),
            ``raster_shape`` (rows, columns) and ``window`` (row, col, height, width) or None; ``ground_pixel``
            (height, width; metres) where pixels are not square on the ground.
        """
        self.label_lut = self._label_lut() if self.labelled else None
        pairs = self._find_pairs()
        images, labels = [image for image, _ in pairs], [label for _, label in pairs if label is not None]
        self.rasters = [self._check_image(image) for image in images]
        check_rasters(self._checked(images, self.check_images), self.check_images == 'all')
        self.notes = []
        self._note(notes_on_pixels(self.rasters) + self._notes_on_opacity(self.rasters[0]))
        if self.reads_images:
            self._note(notes_on_colours(self.rasters, self.bands))
        if self.labelled:
            both = zip(self.rasters, labels, strict=True)
            self._note(notes_on_labels(self._checked(labels, 'sample')))
            self._note(notes_on_grids({label: self._check_label_grid(raster, label) for raster, label in both}))
            check_rasters(self._checked(labels, self.check_labels), self.check_labels == 'all')
            self._check_label_values(labels)
        items = []
        for raster, (image, label) in zip(self.rasters, pairs, strict=True):
            for window in self._windows(raster):
                item = dict(
                    img_path=image,
                    gsd=raster.gsd,
                    raster_shape=raster.shape,
                    window=window,
                    label_map=self.label_map,
                    reduce_zero_label=self.reduce_zero_label,
                    seg_fields=[],
                )
                if not raster.square:
                    item['ground_pixel'] = raster.ground_pixel
                if label is not None:
                    item['seg_map_path'] = label
                items.append(item)
        return items

    def get_data_info(self, idx: int) -> dict:
        """One item of the index with what all items share.

        Args:
            idx (int): Index of the item.

        Returns:
            dict: The item plus ``bands``, ``value_range``, ``label_lut``, ``grid_follows`` and ``label_follows``
            (see :func:`square_pixels`) and, if set, ``domain``.
        """
        info = super().get_data_info(idx)
        info.update(bands=self.bands, value_range=self.value_range, label_lut=self.label_lut)
        info.update(grid_follows=grid_follows(self.pipeline.transforms), label_follows=self.trains)
        if self.domain is not None:
            info['domain'] = self.domain
        return info

    def _find_pairs(self) -> list[tuple[str, str | None]]:
        """(image, label or None) of every selected raster, sorted by name."""
        image_dir = self.data_prefix['img_path']
        label_dir = self.data_prefix.get('seg_map_path')
        for folder in filter(None, (image_dir, label_dir)):
            if not osp.isdir(folder):
                raise FileNotFoundError(
                    f'The folder {folder} of {type(self).__name__} does not exist; put or link the data there, or set '
                    'data_root and data_prefix.'
                )
        shared = label_dir is not None and osp.samefile(image_dir, label_dir)
        if shared and set(self.img_suffix) & set(self.seg_map_suffix):
            raise UserError(
                f'Images and labels of {type(self).__name__} share the folder {image_dir} and the suffix '
                f'{self.img_suffix}; give different img_suffix and seg_map_suffix.'
            )
        pairs, stems = [], {}
        listings: dict[str, list[str]] = {}
        for relative in self._list_images(image_dir, self.seg_map_suffix if shared else ()):
            stem = relative[: -len(suffix_of(relative, self.img_suffix))]
            if self.select(osp.basename(stem)):
                image = self._image(image_dir, relative)
                stems[osp.join(image_dir, relative)] = osp.join(image_dir, stem)
                pairs.append((image, self._find_label(image, relative, stem, listings) if label_dir else None))
        check_spellings(stems)
        if not pairs and self.ann_file and not stems and not read_list(self.ann_file):
            raise FileNotFoundError(f'The list {self.ann_file} (ann_file of {type(self).__name__}) names no image.')
        if not pairs:
            raise FileNotFoundError(
                f'{type(self).__name__} found no images in {image_dir} with suffix {_or(self.img_suffix)}'
                f'{self.describe_selection() and f" ({self.describe_selection()})"}; check data_root, data_prefix, '
                'img_suffix and the selection.'
            )
        return pairs

    def _image(self, image_dir: str, relative: str) -> str:
        if self.translated_images is None:
            return osp.join(image_dir, relative)
        image = osp.join(self.translated_images, relative)
        if not osp.isfile(image):
            raise FileNotFoundError(
                f'{image} does not exist, although translated_images={self.translated_images!r} of '
                f'{type(self).__name__} is to hold every image of {image_dir}; write them with tools/translate.py.'
            )
        check_same_grid(probe_raster(osp.join(image_dir, relative)), probe_raster(image), 'translated image')
        return image

    def _list_images(self, image_dir: str, others: Sequence[str]) -> list[str]:
        if not self.ann_file:
            return list_images(image_dir, self.img_suffix, others)
        if not osp.isfile(self.ann_file):
            raise FileNotFoundError(
                f'The list of images {self.ann_file} (ann_file of {type(self).__name__}) does not exist; correct '
                'the path or leave ann_file out to take every image of the folder.'
            )
        listings: dict[str, list[str]] = {}
        return [name + self._image_suffix(osp.join(image_dir, name), listings) for name in read_list(self.ann_file)]

    def _image_suffix(self, stem: str, listings: dict[str, list[str]]) -> str:
        if suffix_of(stem, self.img_suffix) and osp.isfile(stem):
            return ''  # listed with its suffix
        suffix = existing_suffix(stem, self.img_suffix, listings)
        if suffix is None:
            raise FileNotFoundError(
                f'The image {stem} with suffix {_or(self.img_suffix)} is listed in {self.ann_file} but does not exist; '
                'add it or correct the list.'
            )
        return suffix

    def _find_label(self, image: str, relative: str, stem: str, listings: dict[str, list[str]]) -> str:
        predicted = self.predicted_labels is not None
        stem = osp.join(self.data_prefix['seg_map_path'], osp.splitext(relative)[0] if predicted else stem)
        suffixes = ('.tif',) if predicted else self.seg_map_suffix
        suffix = existing_suffix(stem, suffixes, listings)
        if suffix is None:
            raise FileNotFoundError(
                f'The image {image} has no label {stem} with suffix {_or(suffixes)}; add the label, '
                'take the image out, or set labelled=False for a dataset without labels.'
            )
        return stem + suffix

    def describe_selection(self) -> str:
        """What :meth:`select` takes, for the error when it takes nothing; '' if it takes everything."""
        prefixes = [prefix for prefix in self.name_prefix if prefix]
        return f'name_prefix: {_or(prefixes)}' if prefixes else ''

    def _windows(self, raster: RasterInfo) -> list[tuple[int, int, int, int] | None]:
        if self.tile is not None:
            windows = tile_windows(raster.shape, self.tile, self.last_tile)
            for window in {window[2:]: window for window in windows}.values():
                self._check_crops(raster, window)
            return windows
        self._check_crops(raster, None)
        return [None] * self._number_of_samples(raster)

    def _check_crops(self, raster: RasterInfo, window: tuple[int, int, int, int] | None) -> None:
        for transform in self.pipeline.transforms:
            if hasattr(transform, 'check_raster'):
                transform.check_raster(
                    dict(
                        img_path=raster.path,
                        gsd=raster.gsd,
                        ground_pixel=raster.ground_pixel,
                        raster_shape=raster.shape,
                        window=window,
                    )
                )

    def _number_of_samples(self, raster: RasterInfo) -> int:
        if self.samples_per_raster is not None:
            return self.samples_per_raster
        for transform in self.pipeline.transforms:
            if hasattr(transform, 'raster_size'):
                height, width = transform.raster_size(raster.gsd, raster.ground_pixel)
                return max(1, round(raster.height * raster.width / (height * width)))
        return 1

    def _check_image(self, path: str) -> RasterInfo:
        raster = probe_raster(path)
        self.check_values(raster)
        raster = raster.resolved(self.gsd)
        if raster.gsd is None:
            if raster.placed and raster.crs:
                what = (
                    f'a georeference (transform {raster.transform} in {raster.crs}) that gives a pixel no size on Earth'
                )
            else:
                what = 'a transform but no coordinate reference system' if raster.placed else 'no georeference'
            raise UserError(
                f'{path} has {what}, so its ground sample distance is unknown; set gsd=<metres a pixel> of '
                f'{type(self).__name__}.'
            )
        return raster

    def check_values(self, raster: RasterInfo) -> None:
        """Refuse a raster that has not the bands, or whose values cannot be brought to 0 to 255.

        Raises:
            UserError: Naming the file.
        """
        path = raster.path
        read = self.bands if self.bands is not None else range(1, raster.count + 1)
        table = any(raster.meanings[band - 1 : band] == ('palette',) for band in read) and colour_table_of(path)
        if self.reads_images and table and any(colour != (value,) * 3 for value, colour in table.items()):
            raise UserError(
                f'{path} holds numbers of a colour table and no intensities; write its colours as bands '
                f'(gdal_translate -expand rgb {osp.basename(path)} OUT.tif).'
            )
        if self.bands is not None and max(self.bands) > raster.count:
            raise UserError(
                f'{path} has {raster.count} band(s), but bands={self.bands} are asked for; set bands of '
                f'{type(self).__name__} to bands that exist.'
            )
        if raster.dtype.startswith('complex') and self.reads_images:
            raise UserError(
                f'{path} is {raster.dtype}, and complex numbers have no one brightness; write their amplitude or '
                'intensity as real numbers first.'
            )
        if raster.dtype != 'uint8' and self.value_range is None and self.reads_images:
            raise UserError(
                f'{path} is {raster.dtype}, not uint8; set value_range=(low, high) of {type(self).__name__}, the '
                'values that become 0 and 255.'
            )

    def _notes_on_opacity(self, raster: RasterInfo) -> list[str]:
        """GDAL marks a fourth band as opacity where its writer says nothing; it may be near infrared."""
        unread = sorted(set(range(1, raster.count + 1)) - set(image_bands(raster.path, self.bands)))
        if self.bands is not None or not unread:
            return []
        return [
            f'band {unread[0]} of {raster.path} is marked as opacity (alpha) and is no band of the image; name it in '
            'bands if it is one'
        ]

    def _note(self, notes: Sequence[str]) -> None:
        self.notes += notes
        for note in notes:
            print_log(note, logger='current', level=logging.WARNING)

    def _check_label_grid(self, image: RasterInfo, label_path: str) -> str | None:
        """What the headers leave open about the label's place, see :func:`check_same_grid`."""
        return check_same_grid(image, probe_raster(label_path))

    def _num_file_classes(self) -> int:
        """Number of classes that the label files hold, before a subset is chosen by ``metainfo``."""
        classes = self.METAINFO.get('classes') or self._metainfo.get('classes')
        if not classes:
            raise UserError(
                f'{type(self).__name__} has labels but no classes; set metainfo=dict(classes=(...)) or use a dataset '
                'class that knows them.'
            )
        return len(classes)

    def _label_lut(self) -> LabelTable:
        if self.predicted_labels is not None:
            return build_label_lut(len(self.metainfo['classes']), dataset=type(self).__name__)
        table = build_label_lut(
            self._num_file_classes(),
            label_map=self.label_map,
            reduce_zero_label=self.reduce_zero_label,
            ignore_index=self.ignore_index,
            label_values=self.label_values,
            dataset=type(self).__name__,
        )
        if self.label_colours is None:
            return replace(table, band=self.label_band)
        colours = check_colours(self.label_colours, self._num_file_classes(), type(self).__name__)
        return with_colours(table, colours, self.label_map, from_index=True)

    def _checked(self, files: list[str], how_many: str) -> list[str]:
        """The files that ``check_labels`` or ``check_images`` lets be read when the dataset is built."""
        if how_many == 'none':
            return []
        if how_many == 'sample' and len(files) > _CHECK_FILES:
            return [files[i] for i in np.linspace(0, len(files) - 1, _CHECK_FILES).astype(int)]
        return files

    def _check_label_values(self, labels: list[str]) -> None:
        """Settle what values and colours mean, and look for what is no class."""
        own, checked = self.predicted_labels is None, self._checked(labels, self.check_labels)

        # Labels have their images' sizes by now, so that no header is read a second time.
        shapes = {label: raster.shape for label, raster in zip(labels, self.rasters, strict=True)}

        def windows(path: str) -> list[tuple[int, int, int, int]]:
            return windows_to_check(shapes[path], self.check_labels == 'all')

        if own:
            palette = colours_of_palette(self._file_palette, self._num_file_classes())
            seen = checked or labels[:1]
            self.label_lut = settle_coding(self.label_lut, seen, windows, palette, self.label_map)
        warning = look_at_labels(checked, windows, self.label_lut)
        if warning is not None:
            self._note([warning[0].lower() + warning[1:].rstrip('.')])
        by_index = own and self.label_values is None and not self.label_lut.colours
        if by_index and self._num_file_classes() == 2 and only_0_and_255(checked, windows):
            raise UserError(
                f'The labels of {type(self).__name__} (e.g. {labels[0]}) hold only 0 and 255, where 255 means no data; '
                'set label_values={0: 0, 255: 1} if 255 is the second class, or label_values={0: 0, 1: 1} if it is not.'
            )


def tile_windows(
    shape: tuple[int, int], tile: tuple[int, int], last_tile: str = 'keep'
) -> list[tuple[int, int, int, int]]:
    """Windows of a regular grid over a raster, row by row.

    Args:
        shape (tuple[int, int]): (rows, columns) of the raster in pixels.
        tile (tuple[int, int]): (height, width) of a window in pixels.
        last_tile (str): ``'keep'`` leaves the last window smaller, ``'shift'`` moves it inwards.

    Returns:
        list[tuple[int, int, int, int]]: (row, col, height, width).
    """

    def spans(total: int, size: int) -> list[tuple[int, int]]:
        if last_tile == 'keep':
            return [(start, min(size, total - start)) for start in range(0, total, size)]
        size = min(size, total)
        return [(min(start, total - size), size) for start in range(0, total, size)]

    return [(row, col, h, w) for row, h in spans(shape[0], tile[0]) for col, w in spans(shape[1], tile[1])]


def _as_tuple(suffix: str | Sequence[str]) -> tuple[str, ...]:
    return (suffix,) if isinstance(suffix, str) else tuple(suffix)


def _check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise UserError(f'{name}={value!r} of a RasterDataset is unknown; choose one of {", ".join(choices)}.')


def _or(values: Sequence[str]) -> str:
    return ' or '.join(repr(value) for value in values)
