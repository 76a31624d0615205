"""An exported ONNX file as the network of a map: numpy, rasterio and onnxruntime, without torch."""

from __future__ import annotations

import os
from collections.abc import Sequence
from types import ModuleType

import cv2
import numpy as np

from mmuda.checkpoints.card import CARD, card_from_text
from mmuda.datasets.raster.image_checks import check_image_values
from mmuda.datasets.raster.image_reading import read_image
from mmuda.datasets.raster.info import RasterInfo
from mmuda.datasets.raster.valid import image_bands
from mmuda.datasets.transforms.geometry import resize_image, round_half_up
from mmuda.datasets.transforms.window_size import check_resampled
from mmuda.maps.options import TURNS
from mmuda.maps.scores import resized, slid
from mmuda.utils.digests import digest_of
from mmuda.utils.errors import UserError

INSTALL = 'python -m pip install --no-deps . && python -m pip install -r requirements/onnx.txt'
DEFAULT_TILE = 512


class OnnxModel:
    """A file of ``tools/export.py --format onnx``.

    Args:
        path: The file.
        threads: Threads of onnxruntime; None leaves it to onnxruntime.

    Attributes:
        card (dict): Its model card.
        tile (int): Side in pixels of the windows of a raster.
        scale (int): By how much scores are finer than images.
        fixed (tuple[int, int] | None): Height and width of the images that the file takes; None for any.

    Raises:
        UserError: onnxruntime is missing, or the file is damaged or has no model card.
    """

    def __init__(self, path: str | os.PathLike, threads: int | None = None) -> None:
        self.path = os.fspath(path)
        runtime = _onnxruntime(self.path)
        options = runtime.SessionOptions()
        if threads is not None:
            options.intra_op_num_threads = threads
        try:
            self.session = runtime.InferenceSession(self.path, options, providers=runtime.get_available_providers())
        except Exception as error:  # noqa: BLE001  onnxruntime raises errors of its own, which have no common class
            if not os.path.isfile(self.path):
                raise FileNotFoundError(f'the model {self.path} was not found; check the path') from error
            reason = str(error).splitlines()[0][:200]
            raise UserError(f'{self.path} cannot be read as ONNX ({reason}); export the model again') from error
        text = self.session.get_modelmeta().custom_metadata_map.get(CARD)
        details = {} if text is None else card_from_text(text, self.path).get('onnx') or {}
        if not details:
            raise UserError(
                f'{self.path} has no model card, so nothing tells how its images are read; export it by '
                'tools/export.py CHECKPOINT --format onnx'
            )
        self.card = card_from_text(text, self.path)
        self.scale = details['scale']
        number, *size = details['fixed'] or (None, None, None)
        self.fixed, self._one_by_one = tuple(size) if details['fixed'] else None, number == 1
        test_cfg = self.card['segmentor'].get('test_cfg') or {}
        self._slides = (test_cfg['crop_size'], test_cfg['stride']) if test_cfg.get('mode') == 'slide' else None
        self._aligned = bool((self.card['segmentor'].get('decode_head') or {}).get('align_corners'))
        self.tile = self.card['input']['tile'] or DEFAULT_TILE

    @property
    def classes(self) -> int:
        """Number of classes."""
        return len(self.card['classes'])

    def scores(self, images: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        """Scores of normalised images.

        Of a segmentor that slides they are the mean over its windows, as with torch.

        Args:
            images: (N, C, h, w) float32; at most of the size that the file takes, unless the segmentor slides.
            size: Height and width of the grid of the raster.

        Returns:
            (N, classes, *size) float32.
        """
        if self._slides is None:
            return resized(self._whole(images), size, self._aligned)
        # torch sums on the grid of the image, but of the raster where scores are finer than the image.
        grid = size if self.scale > 1 else images.shape[-2:]
        return resized(slid(self._whole, images, *self._slides, grid, self._aligned), size, self._aligned)

    def _whole(self, images: np.ndarray) -> np.ndarray:
        """Scores (N, classes, scale * h, scale * w) of images in one forward, filled up to the size of the file."""
        height, width = images.shape[-2:]
        if self.fixed is not None:
            more = [(0, own - side) for own, side in zip(self.fixed, (height, width), strict=True)]
            images = np.pad(images, ((0, 0), (0, 0), *more))
        parts = np.split(images, len(images)) if self._one_by_one else [images]
        name = self.session.get_inputs()[0].name
        found = np.concatenate([self.session.run(None, {name: part})[0] for part in parts])
        return found[..., : self.scale * height, : self.scale * width]

    def digest(self) -> str:
        """A number for the content of the file."""
        return digest_of(self.path)


class OnnxNetwork:
    """Reads and predicts windows of one raster, see :class:`mmuda.maps.strips.Network`.

    Args:
        model: The model.
        info: The raster's header, with the effective pixel size.
        views: A key of ``TURNS``: the views whose scores are averaged.

    Raises:
        UserError: The raster lacks the bands, the values or the ground sample distance that the model needs.
    """

    def __init__(self, model: OnnxModel, info: RasterInfo, views: str = 'none') -> None:
        self.model, self.info, self.views = model, info, TURNS[views]
        given = model.card['input']
        self.bands = None if given['bands'] is None else tuple(given['bands'])
        self.value_range, self.gsd = _range(given['value_range']), given['gsd']
        self.mean, self.std = (np.array(given[key], np.float32) for key in ('mean', 'std'))
        check_image_values(info, self.bands, self.value_range, model.path)
        found = len(image_bands(info.path, self.bands))
        if found != len(self.mean):
            raise UserError(
                f'{info.path} gives {found} bands to {model.path}, which was made for {len(self.mean)}; predict '
                'rasters with the bands that it was trained on'
            )
        if self.gsd is not None and info.gsd is None:
            raise UserError(
                f'the ground sample distance of {info.path} is unknown, and {model.path} works at {self.gsd:g} m per '
                'pixel; give --gsd, in metres per pixel'
            )

    @property
    def tile(self) -> int:
        """Side in pixels of the raster's windows: the most that a file for one size takes, else the model's."""
        if self.model.fixed is None:
            return self.model.tile
        side = min(self.model.fixed)
        tile = max(1, round(side * side / max(self._size((side, side)))))
        while tile > 1 and not self._fits(tile):
            tile -= 1
        while self._fits(tile + 1):
            tile += 1
        return tile

    def _fits(self, tile: int) -> bool:
        return all(own <= most for own, most in zip(self._size((tile, tile)), self.model.fixed, strict=True))

    def check(self, tile: int) -> None:
        """Refuse windows that the file does not take, or that the ground sample distance makes enormous or tiny."""
        if self.model.fixed is not None and not self._fits(tile):
            raise UserError(
                f'{self.model.path} takes images of {" x ".join(map(str, self.model.fixed))} px, into which windows of '
                f'tile={tile} px of {self.info.path} do not fit; leave tile (--tile) out, or give at most {self.tile}'
            )
        shape = tuple(min(tile, side) for side in self.info.shape)
        check_resampled(self.info.path, shape, self._size(shape), self.info.gsd, self.gsd)

    def read(self, window: tuple[int, int, int, int]) -> tuple[np.ndarray, np.ndarray]:
        """The normalised image (C, h, w) of a window (row, col, height, width), and where it holds data (H, W)."""
        image, valid = read_image(self.info.path, window, self.bands, self.value_range)
        size = self._size(image.shape[:2])
        if size != image.shape[:2]:
            image = resize_image(image, size)
        normal = (image.astype(np.float32) - self.mean) / self.std
        return normal.transpose(2, 0, 1), valid

    def predict(self, samples: Sequence[tuple]) -> list[tuple[np.ndarray, np.ndarray | None]]:
        """Logits (classes, H, W) of each sample, and where it has no data."""
        sums, size = 0, samples[0][1].shape
        for turns, flipped in self.views:
            views = np.stack([_filled(*(_turned(part, turns, flipped) for part in sample)) for sample in samples])
            back = np.rot90(self.model.scores(views, size[::-1] if turns % 2 else size), -turns, (-2, -1))
            sums = sums + (back[..., ::-1] if flipped else back)
        return [
            (np.ascontiguousarray(scores), None if valid.all() else ~valid)
            for scores, (_, valid) in zip(sums / len(self.views), samples, strict=True)
        ]

    def _size(self, shape: tuple[int, int]) -> tuple[int, int]:
        """Size in pixels of a window as the network sees it, which is square on the ground."""
        pixel = self.info.ground_pixel or (None if self.info.gsd is None else (self.info.gsd, self.info.gsd))
        if self.gsd is not None:
            return tuple(round_half_up(side * own / self.gsd) for side, own in zip(shape, pixel, strict=True))
        if pixel is None or self.info.square:
            return tuple(shape)
        return tuple(round_half_up(side * own / self.info.gsd) for side, own in zip(shape, pixel, strict=True))


def _turned(image: np.ndarray, turns: int, flipped: bool) -> np.ndarray:
    """(..., H, W) mirrored, then turned by quarters."""
    return np.rot90(image[..., ::-1] if flipped else image, turns, (-2, -1))


def _filled(image: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """The image (C, h, w), 0 where it holds no data (H, W)."""
    image = np.ascontiguousarray(image)
    if not valid.all():
        # Nearest neighbours as torch takes them.
        missing = np.ascontiguousarray(~valid).astype(np.uint8)
        image[:, cv2.resize(missing, image.shape[:0:-1], interpolation=cv2.INTER_NEAREST) > 0] = 0
    return image


def _range(value_range: Sequence | None) -> tuple | None:
    if value_range is None:
        return None
    return tuple(tuple(one) if isinstance(one, Sequence) else one for one in value_range)


def _onnxruntime(path: str) -> ModuleType:
    try:
        import onnxruntime
    except ImportError as error:
        raise UserError(f'{path} needs the package onnxruntime; run {INSTALL} in the checkout of mmuda') from error
    return onnxruntime
