"""Warns of domains that a training sees at different scales."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from mmengine.config import Config

from mmuda.apis.stream_report import StreamReport
from mmuda.models.segmentors import SuperResolutionSegmentor
from mmuda.registry import MODELS

RATIO = 1.1
"""Ground sample distances that differ by a larger factor make objects differ in size."""


def warnings_of_scale(streams: Sequence[StreamReport], cfg: Config) -> list[str]:
    """Streams whose objects differ in size, one sentence each, unless the segmentor super-resolves.

    Args:
        streams: The streams, the source first; crops of random scale are known by their median.
        cfg: The config.
    """
    known = {stream.name: median(stream.gsds) for stream in streams if stream.gsds}
    if _super_resolves(streams, cfg):
        return []
    names = list(known)
    return [
        f'{names[0]} is seen at {known[names[0]]:.3g} m per pixel and {name} at {known[name]:.3g} m; put '
        'ResampleToGSD(gsd=..., label=True) with one gsd into both pipelines'
        for name in names[1:]
        if not 1 / RATIO <= known[name] / known[names[0]] <= RATIO
    ]


def _super_resolves(streams: Sequence[StreamReport], cfg: Config) -> bool:
    """Whether a difference in ground sample distance is meant."""
    model = cfg.get('model') or {}
    kind = (model.get('segmentor') or model).get('type')
    kind = MODELS.get(kind) if isinstance(kind, str) else kind
    by_model = isinstance(kind, type) and issubclass(kind, SuperResolutionSegmentor)
    return by_model or any(stream.fine_gsds for stream in streams)
