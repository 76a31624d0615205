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

    Raises:
        UserError: onnxruntime is missing, or the file is damaged, has no model card, or works on one size of image.
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
        self.fixed = details['fixed']
        if self.fixed is not None:
            raise UserError(
                f'{self.path} takes images of one size only ({self.fixed[-1]} px), but windows at the end of a raster '
                'have others; predict with the checkpoint, or export it with --format onnx if it is for Deepness'
            )
        self.tile = self.card['input']['tile'] or DEFAULT_TILE

    @property
    def classes(self) -> int:
        """Number of classes."""
        return len(self.card['classes'])

    def scores(self, images: np.ndarray) -> np.ndarray:
        """Scores (N, classes, H, W) of normalised images (N, C, H, W) float32."""
        return self.session.run(None, {self.session.get_inputs()[0].name: images})[0]

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

    def check(self, tile: int) -> None:
        """Refuse a ground sample distance that makes windows of ``tile`` pixels enormous or tiny."""
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
        sums, found = 0, []
        for turns, flipped in self.views:
            views = np.stack([_filled(*(_turned(part, turns, flipped) for part in sample)) for sample in samples])
            back = np.rot90(self.model.scores(views), -turns, (-2, -1))
            sums = sums + (back[..., ::-1] if flipped else back)
        for scores, (_, valid) in zip(sums / len(self.views), samples, strict=True):
            found.append((_resized(scores, valid.shape), None if valid.all() else ~valid))
        return found

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


def _resized(scores: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """(classes, H, W) enlarged or reduced bilinearly, as torch does without antialiasing."""
    if scores.shape[1:] == size:
        return np.ascontiguousarray(scores)
    return np.stack(
        [cv2.resize(np.ascontiguousarray(one), size[::-1], interpolation=cv2.INTER_LINEAR) for one in scores]
    )


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
