"""Finds the images of a dataset and the label of each."""

from __future__ import annotations

import os.path as osp
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mmuda.datasets.raster.files import check_spellings, existing_suffix, is_address, list_images, read_list, suffix_of
from mmuda.datasets.raster.grid import check_same_grid
from mmuda.datasets.raster.reading import probe_raster
from mmuda.utils.errors import UserError


@dataclass(frozen=True)
class Pairs:
    """Locations of a dataset's files.

    Attributes:
        dataset: Name of the dataset's class, for errors.
        image_dir: Folder of the images, or one image; or the address of one, or, with ``ann_file``, of a folder.
        label_dir: Folder of the labels, which have the images' relative paths, or one file, the label of all images;
            or the address of either, told apart by the suffix. None reads no labels.
        image_suffix: Suffixes of images.
        label_suffix: Suffixes of labels; the first that exists is taken.
        ann_file: List of images; if empty, every image of the folder is taken.
        translated_images: Folder whose images replace those of ``image_dir``.
        predicted: Whether the labels are predictions, which have the suffix ``.tif``.
    """

    dataset: str
    image_dir: str
    label_dir: str | None
    image_suffix: tuple[str, ...]
    label_suffix: tuple[str, ...]
    ann_file: str = ''
    translated_images: str | None = None
    predicted: bool = False

    def find(self, select: Callable[[str], bool], selection: str = '') -> list[tuple[str, str | None]]:
        """Every selected image with its label.

        Args:
            select: Whether an image is taken, by its file name without folder and suffix.
            selection: Describes what ``select`` accepts, for the error when it accepts no image.

        Returns:
            (image, label or None), sorted by name.
        """
        image_dir, label_dir = self.image_dir, self.label_dir
        for folder in filter(None, (image_dir, label_dir)):
            if not is_address(folder) and not osp.exists(folder):
                raise FileNotFoundError(
                    f'The folder {folder} of {self.dataset} does not exist; put or link the data there, or set '
                    'data_root and data_prefix.'
                )
        if osp.isfile(image_dir) or is_address(image_dir) and not self.ann_file:
            return [(image_dir, self._find_label(image_dir, *self._only(image_dir), {}) if label_dir else None)]
        shared = label_dir is not None and osp.realpath(image_dir) == osp.realpath(label_dir)
        if shared and set(self.image_suffix) & set(self.label_suffix):
            raise UserError(
                f'Images and labels of {self.dataset} share the folder {image_dir} and the suffix '
                f'{self.image_suffix}; give different img_suffix and seg_map_suffix.'
            )
        pairs, stems = [], {}
        listings: dict[str, list[str]] = {}
        for relative in self._list_images(image_dir, self.label_suffix if shared else ()):
            stem = relative[: -len(suffix_of(relative, self.image_suffix))]
            if select(osp.basename(stem)):
                image = self._image(image_dir, relative)
                stems[osp.join(image_dir, relative)] = osp.join(image_dir, stem)
                pairs.append((image, self._find_label(image, relative, stem, listings) if label_dir else None))
        check_spellings(stems)
        if not pairs and self.ann_file and not stems and not read_list(self.ann_file):
            raise FileNotFoundError(f'The list {self.ann_file} (ann_file of {self.dataset}) names no image.')
        if not pairs:
            raise FileNotFoundError(
                f'{self.dataset} found no images in {image_dir} with suffix {either(self.image_suffix)}'
                f'{selection and f" ({selection})"}; check data_root, data_prefix, '
                'img_suffix and the selection.'
            )
        return pairs

    def _only(self, image: str) -> tuple[str, str]:
        """Name of the only image, with and without its suffix."""
        if self.translated_images is not None or self.ann_file:
            raise UserError(
                f'img_path of {self.dataset} is the file {image}, which goes with no ann_file or translated_images; '
                'give its folder'
            )
        name = osp.basename(image)
        return name, name.removesuffix(suffix_of(name, self.image_suffix) or osp.splitext(name)[1])

    def _image(self, image_dir: str, relative: str) -> str:
        if self.translated_images is None:
            return osp.join(image_dir, relative)
        image = osp.join(self.translated_images, relative)
        if not osp.isfile(image):
            raise FileNotFoundError(
                f'{image} does not exist, although translated_images={self.translated_images!r} of '
                f'{self.dataset} is to hold every image of {image_dir}; write them with tools/translate.py.'
            )
        check_same_grid(probe_raster(osp.join(image_dir, relative)), probe_raster(image), 'translated image')
        return image

    def _list_images(self, image_dir: str, others: Sequence[str]) -> list[str]:
        if not self.ann_file:
            return list_images(image_dir, self.image_suffix, others)
        if not osp.isfile(self.ann_file):
            raise FileNotFoundError(
                f'The list of images {self.ann_file} (ann_file of {self.dataset}) does not exist; correct '
                'the path or leave ann_file out to take every image of the folder.'
            )
        listings: dict[str, list[str]] = {}
        return [name + self._image_suffix(osp.join(image_dir, name), listings) for name in read_list(self.ann_file)]

    def _image_suffix(self, stem: str, listings: dict[str, list[str]]) -> str:
        if suffix_of(stem, self.image_suffix) and (osp.isfile(stem) or is_address(stem)):
            return ''  # listed with its suffix
        if is_address(stem):
            return self.image_suffix[0]  # whether it exists shows when it is opened
        suffix = existing_suffix(stem, self.image_suffix, listings)
        if suffix is None:
            raise FileNotFoundError(
                f'The image {stem} with suffix {either(self.image_suffix)} is listed in {self.ann_file} but does not '
                'exist; add it or correct the list.'
            )
        return suffix

    def _find_label(self, image: str, relative: str, stem: str, listings: dict[str, list[str]]) -> str:
        remote = is_address(self.label_dir)
        if osp.isfile(self.label_dir) or remote and suffix_of(self.label_dir, self.label_suffix):
            return self.label_dir
        stem = osp.join(self.label_dir, osp.splitext(relative)[0] if self.predicted else stem)
        suffixes = ('.tif',) if self.predicted else self.label_suffix
        suffix = suffixes[0] if remote else existing_suffix(stem, suffixes, listings)
        if suffix is None:
            raise FileNotFoundError(
                f'The image {image} has no label {stem} with suffix {either(suffixes)}; add the label, '
                'take the image out, or set labelled=False for a dataset without labels.'
            )
        return stem + suffix


def either(values: Sequence[str]) -> str:
    """Choices, as listed in an error."""
    return ' or '.join(repr(value) for value in values)
