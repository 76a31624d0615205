"""Exports a segmentor as ONNX, with the metadata that the QGIS plugin Deepness reads."""

from __future__ import annotations

import logging
import math
import os
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmuda.apis.export_source import TrainedSegmentor
from mmuda.apis.onnx_metadata import deepness_metadata, network_tile
from mmuda.checkpoints.card import CARD, card_text
from mmuda.models.segmentors import HRDA, SuperResolutionSegmentor
from mmuda.utils.errors import UserError
from mmuda.utils.fileio import replacing
from mmuda.utils.inputs import note_output, refuse_input
from mmuda.utils.writing import telling

OPSET = 18
INPUT, OUTPUT = 'image', 'scores'
TOLERANCE = 1e-4
# (N, H, W): of the example that is traced, and of those that are compared.
TRACED, COMPARED = (2, 128, 160), ((1, 192, 128), (3, 256, 320))
INSTALL = "python -m pip install '.[export]'"


class Scores(nn.Module):
    """A segmentor from normalised images to scores on their own grid.

    The scores are the logits, less the smallest of each pixel: they are never negative, as Deepness needs them, and
    softmax, argmax and weighted means over windows are those of the logits.

    Args:
        segmentor: In evaluation mode.
        is_reversed: Whether it gets the first three bands in reverse.
        scale: By how much the scores are finer than the image.
    """

    def __init__(self, segmentor: nn.Module, is_reversed: bool, scale: int) -> None:
        super().__init__()
        self.segmentor = segmentor
        self.is_reversed = is_reversed
        self.scale = scale
        # mmseg's single channel is compared with a threshold after a sigmoid.
        threshold = getattr(segmentor.decode_head, 'threshold', None) if segmentor.out_channels == 1 else None
        self.offset = None if threshold is None else math.log(threshold / (1 - threshold))

    def forward(self, image: Tensor) -> Tensor:
        """Scores (N, classes, scale * H, scale * W) of images (N, C, H, W), normalised, in the order of the bands."""
        size = [self.scale * side for side in image.shape[-2:]]
        if self.is_reversed:
            image = torch.cat([image[:, :3].flip(1), image[:, 3:]], 1)
        logits = self.segmentor(image)
        logits = F.interpolate(logits, size=size, mode='bilinear', align_corners=self.segmentor.align_corners)
        return self.scores(logits)

    def scores(self, logits: Tensor) -> Tensor:
        """Scores of logits that lie on the right grid."""
        if self.offset is not None:
            logits = torch.cat([torch.zeros_like(logits), logits - self.offset], 1)
        return logits - logits.amin(1, keepdim=True)

    @torch.no_grad()
    def predicted(self, image: Tensor) -> Tensor:
        """What the segmentor itself predicts, as scores: by ``encode_decode``, which a test calls."""
        size = tuple(self.scale * side for side in image.shape[-2:])
        if self.is_reversed:
            image = image[:, [2, 1, 0, *range(3, image.shape[1])]]
        metas = [dict(img_shape=image.shape[-2:], ori_shape=size)] * len(image)
        logits = self.segmentor.encode_decode(image, metas)
        if logits.shape[-2:] != size:
            logits = F.interpolate(logits, size=size, mode='bilinear', align_corners=self.segmentor.align_corners)
        return self.scores(logits)


def export_onnx(
    trained: TrainedSegmentor, path: str | os.PathLike, fixed: bool = False, report: Callable[[str], None] = print
) -> Path:
    """Write a segmentor as an ONNX file, and compare it with torch before it gets its name.

    Input ``image``: (N, C, H, W) float32, bands in the order of the card, values from 0 to 255 (after the card's
    ``value_range``) less ``input.mean``, divided by ``input.std``; 0 where there is no data. Output ``scores``: (N,
    classes, H, W) float32, see :class:`Scores`; finer than the image by ``onnx.scale`` of the card for a segmentor that
    super-resolves. The metadata have Deepness's keys (:func:`deepness_metadata`) and the card under ``mmuda_card``.

    Args:
        trained: The segmentor and its card.
        path: The file.
        fixed: Fix height and width to the tile, and give scores of the image's size, as Deepness needs them.
        report: Called with lines for the user.

    Raises:
        UserError: The packages are missing, the network cannot be exported, or the file predicts something else.
    """
    refuse_input(path)
    onnx = _libraries(path)
    tile, card = network_tile(trained.card), trained.card
    channels = len(card['input']['mean'])
    own_scale = _scale_of(trained.network, channels)
    # Deepness places scores on the pixels of the image.
    module = Scores(trained.network, card['input']['reversed'], 1 if fixed else own_scale).eval()
    kind = type(trained.network).__name__
    with telling(path), replacing(path) as temporary:
        try:
            shape = [None, tile, tile] if fixed else None
            difference = _write(onnx, module, card, temporary, shape, dynamic=True)
        except Exception as error:  # noqa: BLE001  exporter and runtime raise errors of many kinds
            shape = [1, tile, tile]
            if not fixed:
                report(
                    f'{kind} cannot be written as ONNX for any size ({_reason(error)}): the file takes one image of '
                    f'{tile} x {tile} px at a time'
                )
            difference = _write_fixed(onnx, module, card, temporary, shape)
    note_output(path)
    report(
        f'{path}: opset {OPSET}, {"any size" if shape is None else f"{tile} x {tile} px"}, differs from torch by '
        f'at most {difference:.1e}'
    )
    if own_scale > 1:
        grid = f'{own_scale} times finer than the image' if not fixed else 'averaged to the size of the image'
        report(f'{path}: this segmentor super-resolves; its scores are {grid}')
    return Path(path)


def _libraries(path):
    try:
        import onnx
        import onnxruntime  # noqa: F401
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise UserError(f'{path} needs the package {error.name}; run {INSTALL} in the checkout of mmuda') from error
    return onnx


@torch.no_grad()
def _scale_of(network: nn.Module, channels: int) -> int:
    """By how much the scores of a segmentor that super-resolves are finer than its images; 1 for others."""
    if not isinstance(network, SuperResolutionSegmentor):
        return 1
    side = 64
    return round(network.encode_decode(torch.zeros(1, channels, side, side)).shape[-1] / side)


def _write_fixed(onnx, module: Scores, card: Mapping, path: Path, shape: list[int]) -> float:
    try:
        return _write(onnx, module, card, path, shape, dynamic=False)
    except UserError:
        raise
    except Exception as error:
        raise UserError(
            f'{type(module.segmentor).__name__} cannot be written as ONNX ({_reason(error)}); export it as '
            'safetensors, and predict with tools/predict.py'
        ) from error


def _write(onnx, module: Scores, card: Mapping, path: Path, shape: list | None, dynamic: bool) -> float:
    """Write the file, and return by how much it differs from torch.

    Args:
        onnx: The package.
        module: The network.
        card: The model card.
        path: The file.
        shape: (N, H, W) that the file fixes, with None for any number; None fixes none.
        dynamic: Whether the exporter treats the sizes as unknown; else only ``shape`` is right.
    """
    if dynamic and isinstance(module.segmentor, HRDA):  # the exporter finds out only after minutes
        raise UserError('its windows follow from the size of the image')
    channels, tile = len(card['input']['mean']), network_tile(card)
    number, height, width = TRACED if dynamic else shape
    program = _exported(module, torch.randn(number, channels, height, width), dynamic)
    model = _cleaned(program.model_proto, shape)
    details = dict(input=INPUT, output=OUTPUT, scale=module.scale, opset=OPSET, fixed=shape)
    text = card_text(dict(card, onnx=details))
    onnx.helper.set_model_props(model, {**deepness_metadata(card, tile), CARD: text})
    onnx.save(model, str(path))
    return _difference(module, path, channels, shape)


def _reason(error: BaseException) -> str:
    while error.__cause__ is not None:
        error = error.__cause__
    if isinstance(error, UserError):
        return str(error).partition(';')[0]
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f'{type(error).__name__}: {lines[0][:150] if lines else ""}'


def _exported(module: nn.Module, example: Tensor, dynamic: bool):
    any_size = torch.export.Dim.DYNAMIC
    shapes = dict(image={0: any_size, 2: any_size, 3: any_size}) if dynamic else None
    with _quiet(), torch.no_grad():
        return torch.onnx.export(
            module,
            (example,),
            input_names=[INPUT],
            output_names=[OUTPUT],
            opset_version=OPSET,
            dynamo=True,
            dynamic_shapes=shapes,
            external_data=False,
            verbose=False,
        )


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the exporter's warnings, e.g. about packages that are not needed."""
    loggers = [logging.getLogger(name) for name in ('torch.onnx', 'onnxscript', 'onnx_ir')]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def _cleaned(model, shape: list | None):
    """The model without traces of the machine that made it, and with named or fixed sizes.

    Args:
        model: ONNX's ModelProto; changed in place.
        shape: (N, H, W), with None for any number; None if all sizes are free.
    """
    graph = model.graph
    for node in graph.node:
        node.ClearField('metadata_props')
        node.ClearField('doc_string')
    graph.ClearField('value_info')
    graph.ClearField('doc_string')
    graph.ClearField('metadata_props')
    names = dict(zip((0, 2, 3), ('batch', 'height', 'width'), strict=True))
    fixed = dict(zip((0, 2, 3), shape or (None, None, None), strict=True))
    scale = {}
    for value in (*graph.input, *graph.output):
        value.ClearField('metadata_props')
        dims = value.type.tensor_type.shape.dim
        for axis, name in names.items():
            if value.name == INPUT:
                scale[axis] = dims[axis].dim_param
            _set_dim(dims[axis], name, fixed[axis], scale[axis])
    return model


def _set_dim(dim, name: str, size: int | None, symbol: str) -> None:
    """Name or fix a dimension; ``2*s53`` of an output becomes ``2*height`` or twice the height."""
    factor = dim.dim_param.removesuffix(f'*{symbol}') if symbol and dim.dim_param != symbol else '1'
    factor = int(factor) if factor.isdigit() else None
    if not dim.dim_param:  # the exporter knows the number
        return
    if size is not None and factor is not None:
        dim.dim_value = factor * size
    elif factor is not None:
        dim.dim_param = name if factor == 1 else f'{factor}*{name}'
    else:
        dim.dim_param = f'{name}_of_scores'


def _difference(module: Scores, path: str | os.PathLike, channels: int, shape: list | None) -> float:
    """The largest difference between the scores of the file and of torch.

    Raises:
        UserError: It is above ``TOLERANCE``, of the largest score if that is above 1.
    """
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=['CPUExecutionProvider'])
    sizes = COMPARED if shape is None else [(shape[0] or number, *shape[1:]) for number, *_ in COMPARED]
    generator, largest = torch.Generator().manual_seed(0), 0.0
    for number, height, width in sizes:
        image = torch.randn(number, channels, height, width, generator=generator)
        expected = module.predicted(image)
        found = torch.from_numpy(session.run([OUTPUT], {INPUT: image.numpy()})[0])
        difference = float('inf') if found.shape != expected.shape else float((found - expected).abs().max())
        if not difference <= TOLERANCE * max(1.0, float(expected.max())):
            raise UserError(
                f'the ONNX file of {type(module.segmentor).__name__} differs from torch by {difference:.1e} at '
                f'{height} x {width} px, where {TOLERANCE:.0e} is allowed; export it as safetensors instead'
            )
        largest = max(largest, difference)
    return largest
