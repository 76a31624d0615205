"""What a model makes of a few training samples, as rows of a picture; the model stays as it was."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from mmengine.logging import print_log
from torch import Tensor, nn

from mmuda.models.wrappers import DomainAdaptation, ForwardContext, ImageTranslation
from mmuda.structures import no_data_of
from mmuda.utils.errors import UserError
from mmuda.utils.seeds import seeded
from mmuda.visualization import Panel, colour_labels, mark_missing, overlay_labels, viewable

BYTE = 255.0
# A stronger white than this mean is no image of bytes, a weaker one an image in [0, 1].
BYTE_MEANS = (1.5, BYTE)


def can_draw(model: nn.Module) -> bool:
    """Whether :func:`panel_rows` knows what to show of a model."""
    return isinstance(model, (DomainAdaptation, ImageTranslation))


@contextmanager
def undisturbed(model: nn.Module, seed: int) -> Iterator[None]:
    """While a model predicts in the middle of a training: modes, buffers and random generators are as before after it.

    Args:
        model: The model, which is in evaluation mode inside.
        seed: Of what is random inside, so that each picture draws the same.
    """
    modes = {module: module.training for module in model.modules()}
    devices = range(torch.cuda.device_count()) if torch.cuda.is_available() else ()
    for module in modes:
        module.training = False
    try:
        with seeded(seed), torch.random.fork_rng(devices=devices), torch.no_grad():
            torch.cuda.manual_seed_all(seed)
            yield
    finally:
        for module, training in modes.items():
            module.training = training


def panel_rows(model: nn.Module, batch: dict, palette: Sequence[Sequence[int]]) -> list[list[Panel]]:
    """Rows of panels: of each sample of each stream, then of each sample of the views of the stage.

    A row of a stream holds the image, its label if there is one, the prediction, its confidence (white is certain) and
    the super-resolved image of segmentors that make one. A row of the views holds each view with its labels laid over
    it. Of a CycleGAN: image and translation.

    Args:
        model: A model that :func:`can_draw` accepts, inside :func:`undisturbed`.
        batch: Samples by stream, as the data preprocessor gives them.
        palette: RGB colours by class index.
    """
    if isinstance(model, ImageTranslation):
        return _translations(model, batch)
    streams = [name for name, part in batch.items() if 'inputs' in part]
    prediction, extra = _taps(model)
    views = sorted(model.stage_views() - set(streams))
    wanted = {f'{name}:{tap}' for name in streams for tap in (prediction, *extra)} | {f'{v}:image' for v in views}
    context = ForwardContext(model, batch, model.with_parents(wanted), nullcontext)
    rows = [
        _row(model, context, name, index, (prediction, *extra), palette)
        for name in streams
        for index in range(len(batch[name]['inputs']))
    ]
    return rows + _view_rows(model, context, views, palette)


def _taps(model: DomainAdaptation) -> tuple[str, list[str]]:
    """The tap of class scores to show, and further images that the segmentor offers."""
    offered = [re.compile(pattern) for pattern in model.adapter.offered(model.segmentor)]
    prediction, *extra = (
        [tap for tap in taps if any(one.fullmatch(tap) for one in offered)]
        for taps in (('prediction', 'logits'), ('sr_image',))
    )
    return prediction[0], extra[0]


def _row(
    model: DomainAdaptation, context: ForwardContext, name: str, index: int, taps: Sequence[str], palette
) -> list[Panel]:
    batch = context.batch(name)
    sample = batch['data_samples'][index]
    panels = [Panel(_image(model, batch['inputs'][index], name, sample), f'{name} {index + 1}', smooth=True)]
    if 'gt_sem_seg' in sample:
        panels.append(Panel(colour_labels(_classes(sample.gt_sem_seg.data.squeeze(0)), palette), 'label'))
    size = batch['inputs'].shape[-2:]
    logits = F.interpolate(context.tap(f'{name}:{taps[0]}')[index : index + 1].float(), size=size, mode='bilinear')
    confidence, predicted = logits.softmax(dim=1)[0].max(dim=0)
    panels.append(Panel(colour_labels(_classes(predicted), palette), 'prediction'))
    grey = (confidence * BYTE).round().cpu().numpy().astype(np.uint8)
    panels.append(Panel(np.repeat(grey[..., None], 3, axis=-1), f'confidence, mean {float(confidence.mean()):.2f}'))
    for tap in taps[1:]:
        picture = _image(model, context.tap(f'{name}:{tap}')[index], name)
        panels.append(Panel(picture, tap.replace('_', ' '), smooth=True))
    return panels


def _view_rows(model: DomainAdaptation, context: ForwardContext, views: Sequence[str], palette) -> list[list[Panel]]:
    rows: dict[int, list[Panel]] = {}
    for name in views:
        try:
            batch = context.batch(name)
        except UserError as error:  # e.g. one that mixes more images than are shown
            print_log(f'the panels lack the view {name}: {error}', logger='current')
            continue
        for index, (image, sample) in enumerate(zip(batch['inputs'], batch['data_samples'], strict=True)):
            (domain,) = model.data_preprocessor.domains_of([sample])
            picture = _image(model, image, domain, sample)
            if 'gt_sem_seg' in sample:
                label = _classes(sample.gt_sem_seg.data.squeeze(0))
                if label.shape != picture.shape[:2]:
                    picture = cv2.resize(picture, label.shape[::-1], interpolation=cv2.INTER_NEAREST)
                picture = overlay_labels(picture, label, palette)
            rows.setdefault(index, []).append(Panel(picture, name.replace('_', ' '), smooth=True))
    return list(rows.values())


def _translations(model: ImageTranslation, batch: dict) -> list[list[Panel]]:
    context = model.build_context(batch, [], nullcontext)
    rows = []
    for domain, look in (('source', 'target'), ('target', 'source')):
        for index, image in enumerate(context.images[domain]):
            before = _image(model, image, domain, batch[domain]['data_samples'][index])
            after = _image(model, context.fake(look)[index], look)
            rows.append(
                [Panel(before, f'{domain} {index + 1}', True), Panel(after, f'in the look of the {look}', True)]
            )
    return rows


def _image(model: nn.Module, image: Tensor, domain: str, sample=None) -> np.ndarray:
    """A normalised image (C, H, W) for display, (H, W, 3) uint8; stripes where it holds no data."""
    preprocessor = model.data_preprocessor
    mean, bright = preprocessor.brightness(domain)
    white = BYTE if BYTE_MEANS[0] < mean <= BYTE_MEANS[1] else bright
    pixels = preprocessor.to_pixels(image[None].float(), domain)[0]
    picture = viewable(pixels.permute(1, 2, 0).cpu().numpy(), (0.0, white))
    missing = no_data_of(sample, image.shape[-2:])
    return picture if missing is None else mark_missing(picture, missing.squeeze(0).cpu().numpy())


def _classes(label: Tensor) -> np.ndarray:
    return label.cpu().numpy().astype(np.uint8)
