"""A segmentation dataset of rasters of any size, read window by window."""

import logging
import os.path as osp
from collections.abc import Callable, Mapping, Sequence
from numbers import Integral

from mmengine.logging import print_log
from mmseg.datasets import BaseSegDataset

from mmuda.datasets.raster.bands import check_bands
from mmuda.datasets.raster.held_out import Part
from mmuda.datasets.raster.image_checks import check_distance, check_image_values, notes_on_opacity
from mmuda.datasets.raster.info import RasterInfo
from mmuda.datasets.raster.items import crop_of, facts_of, grid_follows, places_of
from mmuda.datasets.raster.label_settling import RasterLabels
from mmuda.datasets.raster.notes import notes_on_colours, notes_on_pixels, notes_on_windows
from mmuda.datasets.raster.options import check_choice, check_gsd, check_indices, check_label_options, check_range
from mmuda.datasets.raster.pairs import Pairs, either
from mmuda.datasets.raster.reading import check_rasters, probe_raster
from mmuda.registry import DATASETS, TRANSFORMS
from mmuda.utils.errors import UserError
from mmuda.utils.ranges import COUNTS, require_each


@DATASETS.register_module()
class RasterDataset(RasterLabels, BaseSegDataset):
    """Images and optional labels in rasters of any size; only windows of them are read.

    Folders, suffixes, ``metainfo``, ``reduce_zero_label`` and ``ann_file`` are as in mmseg's ``BaseSegDataset``. For
    training, an item is one crop to draw from a raster (large rasters have more items, see ``samples_per_raster``).
    With ``tile``, an item is one window of a regular grid. The pipeline starts with :class:`RandomGroundCrop`
    (training) and :class:`LoadRasterWindow`.

    Errors in the files are reported when the dataset is built: no images, unreadable or mismatched rasters, a missing
    ground sample distance, a crop larger than a raster, label values that are not a class. Ambiguities in the files,
    and pixels that are not square on the ground, are reported as warnings and kept in ``notes``.

    Pixels that are not square on the ground (degrees away from the equator) are resampled to squares of the same area
    by :class:`LoadRasterWindow`, or by a following step that resamples to a ground sample distance. In a test the label
    stays on the raster's grid, and the prediction is resampled back to it.

    Args:
        gsd (float | None): Ground sample distance in metres per pixel. None computes it from each raster's
            georeference, as true ground metres at the raster's centre. If the map's scale is true to 0.3 %, as in all
            of UTM, the map's own pixel size is used. A value given here is nominal, declares pixels to be square, and
            overrides the georeference.
        bands (Sequence[int | str] | None): Bands of the image in output order, counted from 1 or by the name that each
            file gives them, such as ``('red', 'green', 'blue', 'nir')``. None is all.
        value_range (tuple[float, float] | Sequence[tuple] | None): Values that become 0 and 255 (values outside are
            clipped), of all bands, or a pair for each of ``bands``. Images that are not uint8 need it; the result is
            float32 in [0, 255].
        labelled (bool): False never reads labels, even if ``data_prefix`` has ``seg_map_path``.
        translated_images (str | None): Folder of images written by ``tools/translate.py``. They replace the dataset's
            own images with the same path below ``img_path``; labels remain the dataset's.
        predicted_labels (str | None): Folder of labels predicted by a segmentor (a stage's pseudo labels,
            ``tools/test.py --out``), which replace the dataset's own. They hold class indices and 255, in ``.tif``
            files with the images' paths below ``img_path``. Neither ``label_values`` nor ``reduce_zero_label`` applies
            to them.
        label_values (dict[float, int] | None): Value in the label -> class index or 255, e.g. ``{0: 0, 255: 1}`` for
            masks of 0 and 255; values may be any number. It is applied before ``reduce_zero_label`` and ``label_map``,
            and overrides the file's "no data" value. If labels have three bands, the first is read, provided it tells
            the colours apart.
        label_colours (dict[tuple, int] | None): Colour (red, green, blue) in the label -> class index or 255. None uses
            the palette of ``metainfo`` for labels with three bands, and values for labels with one.
        label_band (int | None): Band of the label that holds class values, counted from 1, if bands differ in meaning
            (SYNTHIA's second holds instances).
        label_grid (str): ``'image'`` refuses a label that does not share its image's grid. ``'own'`` reads a label of
            any resolution, extent and projection at the centres of the image's pixels; outside it, pixels are ignored.
        label_polygons (dict | None): What the polygons of vector labels mean, see :func:`polygon_classes`. None suits
            two classes, of which the second is inside all polygons.
        tile (int | tuple[int, int] | None): Size (height, width) in pixels of the windows of a regular grid.
        last_tile (str): ``'keep'``: if the raster's size is not a multiple of the tile, the last tile of a row or
            column is smaller, so each pixel occurs exactly once. ``'shift'``: the last tile is moved inwards and
            overlaps its neighbour.
        samples_per_raster (int | None): Items per raster. None divides its area by the crop's, with at least 1.
        part (dict | None): Take one of two parts that share no ground, ``dict(name='train', share=0.2, buffer=24.0)``
            or ``'held_out'``: see :class:`~mmuda.datasets.raster.held_out.Part`. None takes all.
        region (str | None): Vector file, below ``data_root``. Ground outside its polygons counts as without data, and
            items lie where they are.
        name_prefix (str | Sequence[str]): Take only files whose names start with it.
        check_labels (str): How much of the labels is read when the dataset is built: ``'all'`` (every file),
            ``'sample'`` (at most 64 files; small ones completely, three windows of large ones) or ``'none'``. Values
            are always checked when a window is loaded.
        check_images (str): How much of the images is decoded when the dataset is built, with the same choices. Headers
            and ends of all files are always read. Checksums of GeoTIFF blocks, which GDAL ignores, are verified.
        domain (str | None): Name of the domain in the samples' metainfo. :class:`UDADataset` sets its stream's name.
        img_suffix (str | Sequence[str]): Suffixes of images. Case is ignored; ``.tif`` includes ``.tiff``, and ``.jpg``
            includes ``.jpeg``.
        seg_map_suffix (str | Sequence[str]): Suffixes of labels, likewise; the first that exists is taken.
        data_prefix (dict): ``img_path`` and, for labels, ``seg_map_path``; relative to ``data_root``. Each is a folder
            or one file. Subfolders are searched, and a label has the same relative path as its image; one file (e.g.
            the footprints of a city) is the label of all images.
        pipeline (Sequence[dict | Callable]): Transforms or their configs.
        **kwargs: As :class:`RasterLabels` (``class_mapping``) and ``BaseSegDataset``. ``indices`` takes these items
            alone, counted from 0 by raster, then row by row (with ``tile``: these tiles), or the first N.

    Raises:
        FileNotFoundError: A folder or label is missing, or no image is found.
        UserError: The files or the arguments are invalid, as described above.
    """

    reads_images = True
    """False for rasters that hold labels, whose values are not rescaled."""

    def __init__(
        self,
        gsd: float | None = None,
        bands: Sequence[int | str] | None = (1, 2, 3),
        value_range: tuple[float, float] | Sequence[tuple[float, float]] | None = None,
        labelled: bool = True,
        translated_images: str | None = None,
        predicted_labels: str | None = None,
        label_values: dict[float, int] | None = None,
        label_colours: dict[tuple[int, int, int], int] | None = None,
        label_band: int | None = None,
        label_grid: str = 'image',
        label_polygons: dict | None = None,
        tile: int | tuple[int, int] | None = None,
        last_tile: str = 'keep',
        samples_per_raster: int | None = None,
        part: dict | None = None,
        region: str | None = None,
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
        check_choice('last_tile', last_tile, ('keep', 'shift'))
        check_choice('label_grid', label_grid, ('image', 'own'))
        check_choice('check_labels', check_labels, ('sample', 'all', 'none'))
        check_choice('check_images', check_images, ('sample', 'all', 'none'))
        check_gsd(gsd, type(self).__name__)
        check_label_options(label_values, label_colours, label_band, type(self).__name__)
        require_each(COUNTS, self, tile=tile, samples_per_raster=samples_per_raster)
        self.gsd = gsd
        bands = check_bands(bands, type(self).__name__)
        check_range(value_range, type(self).__name__, bands)
        # Translated images hold only the chosen bands, in that order, in 8 bits.
        own = translated_images is None
        self.bands = bands if own else None
        self.value_range = tuple(value_range) if value_range is not None and own else None
        self.translated_images = translated_images
        self.predicted_labels = predicted_labels
        self.label_values = label_values
        self.label_colours = label_colours
        self.label_band = label_band
        self.label_grid = label_grid
        self.label_polygons = label_polygons
        # If no palette is given, mmseg invents one, whose colours match no label.
        known = self.METAINFO if self.METAINFO.get('classes') else kwargs.get('metainfo') or {}
        self._file_palette = known.get('palette')
        self.tile = (tile, tile) if isinstance(tile, Integral) else tuple(tile) if tile else None
        self.last_tile = last_tile
        self.samples_per_raster = samples_per_raster
        self.part = Part.of(part)
        self.region = region and osp.join(kwargs.get('data_root') or '', region)
        self.indices = kwargs.get('indices')
        self.name_prefix = (name_prefix,) if isinstance(name_prefix, str) else tuple(name_prefix)
        self.check_labels = check_labels
        self.check_images = check_images
        self.domain = domain
        self.rasters: list[RasterInfo] = []
        self.notes: list[str] = []
        # Built here, since mmengine would search only the default scope.
        steps = [TRANSFORMS.build(step) if isinstance(step, Mapping) else step for step in pipeline]
        # Whether labels are resampled to square pixels with their images; UDADataset sets it for its streams.
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
        """Whether a file belongs to this dataset; subclasses override it, e.g. to split by name.

        Args:
            name (str): The image's file name without folder and suffix.

        Returns:
            bool: True to take it.
        """
        return name.startswith(self.name_prefix)

    def load_data_list(self) -> list[dict]:
        """Find the rasters, check them, and list the items.

        Returns:
            list[dict]: One entry per item with ``img_path``, ``seg_map_path`` (labelled only), ``gsd`` (metres per
            pixel), ``raster_shape`` (rows, columns) and ``window`` (row, col, height, width) or None; ``ground_pixel``
            (height, width; metres) where pixels are not square on the ground.
        """
        self.label_lut = self._label_lut() if self.labelled else None
        pairs = Pairs(
            dataset=type(self).__name__,
            image_dir=self.data_prefix['img_path'],
            label_dir=self.data_prefix.get('seg_map_path'),
            image_suffix=self.img_suffix,
            label_suffix=self.seg_map_suffix,
            ann_file=self.ann_file,
            translated_images=self.translated_images,
            predicted=self.predicted_labels is not None,
        ).find(self.select, self.describe_selection())
        images, labels = [image for image, _ in pairs], [label for _, label in pairs if label is not None]
        self.rasters = [self._check_image(image) for image in images]
        check_rasters(self._checked(images, self.check_images), self.check_images == 'all')
        self.notes = []
        self._note(notes_on_pixels(self.rasters) + notes_on_opacity(self.rasters[0], self.bands))
        if self.reads_images:
            self._note(notes_on_colours(self.rasters, self.bands))
        if self.labelled:
            self._check_label_files(labels)
        items = []
        parts = [None] * len(self.rasters) if self.part is None else self.part.windows(self.rasters)
        for raster, part, (image, label) in zip(self.rasters, parts, pairs, strict=True):
            if self.part is not None and part is None:
                continue
            shared = facts_of(raster, image, label) | dict(
                label_map=self.label_map, reduce_zero_label=self.reduce_zero_label
            )
            items += [dict(shared, **place, seg_fields=[]) for place in self._places(raster, part)]
        if not items:
            raise UserError(f'no image of {type(self).__name__} (e.g. {images[0]}) lies in the region {self.region}')
        check_indices(self.indices, len(items), type(self).__name__)
        if self.tile is None:
            crops = [crop_of(raster, self.pipeline.transforms) for raster in self.rasters]
            self._note(notes_on_windows(dict(zip(images + labels, crops * 2, strict=False))))
        return items

    def get_data_info(self, idx: int) -> dict:
        """One item of the index, plus the entries that all items share.

        Args:
            idx (int): Index of the item.

        Returns:
            dict: The item plus ``bands``, ``value_range``, ``label_lut``, ``grid_follows`` and ``label_follows``
            (see :func:`square_pixels`) and, if set, ``domain``.
        """
        info = super().get_data_info(idx)
        info.update(bands=self.bands, value_range=self.value_range, label_lut=self.label_lut)
        if self.region is not None:
            info['region'] = self.region
        info.update(grid_follows=grid_follows(self.pipeline.transforms), label_follows=self.trains)
        if self.domain is not None:
            info['domain'] = self.domain
        return info

    def describe_selection(self) -> str:
        """Describes what :meth:`select` accepts, for the error when it accepts no file; '' if it accepts all."""
        prefixes = [prefix for prefix in self.name_prefix if prefix]
        return f'name_prefix: {either(prefixes)}' if prefixes else ''

    def _check_image(self, path: str) -> RasterInfo:
        raster = probe_raster(path)
        self.check_values(raster)
        raster = raster.resolved(self.gsd)
        check_distance(raster, type(self).__name__)
        return raster

    def check_values(self, raster: RasterInfo) -> None:
        """Refuse a raster that lacks the bands, or whose values cannot be scaled to 0 to 255.

        Raises:
            UserError: Naming the file.
        """
        check_image_values(raster, self.bands, self.value_range, type(self).__name__, self.reads_images)

    def _places(self, raster: RasterInfo, part: tuple[int, int, int, int] | None) -> list[dict]:
        options = self.tile, self.last_tile, self.samples_per_raster, part, self.region
        return places_of(raster, self.pipeline.transforms, *options)

    def _note(self, notes: Sequence[str]) -> None:
        self.notes += notes
        for note in notes:
            print_log(note, logger='current', level=logging.WARNING)


def _as_tuple(suffix: str | Sequence[str]) -> tuple[str, ...]:
    return (suffix,) if isinstance(suffix, str) else tuple(suffix)
