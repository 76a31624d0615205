"""Exports a STAC item that describes a segmentor by the MLM extension (machine learning models), version 1.4."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from datetime import datetime, timezone
from pathlib import Path

from mmuda.apis.export_source import TrainedSegmentor
from mmuda.apis.onnx_metadata import network_tile
from mmuda.models.segmentors import SuperResolutionSegmentor
from mmuda.utils.json_file import write_json

EXTENSIONS = dict(
    mlm='https://stac-extensions.github.io/mlm/v1.4.0/schema.json',
    classification='https://stac-extensions.github.io/classification/v2.0.0/schema.json',
    file='https://stac-extensions.github.io/file/v2.1.0/schema.json',
)
DIMENSIONS = ['batch', 'channel', 'height', 'width']
# Media type, kind of artifact, further roles and framework by suffix.
KINDS = {
    '.onnx': ('application/octet-stream; framework=onnx', 'onnx', ['mlm:compiled'], 'ONNX'),
    '.safetensors': ('application/octet-stream; framework=safetensors', 'safetensors', ['mlm:weights'], 'PyTorch'),
    '.pth': ('application/octet-stream; framework=pytorch', 'torch.save', ['mlm:checkpoint'], 'PyTorch'),
}


def export_stac(trained: TrainedSegmentor, path: str | os.PathLike, files: Iterable[str | os.PathLike]) -> Path:
    """Write the item; it says what the card says, and nothing that is not known.

    The geometry is null, since a card does not know where the training images lie. ``datetime`` is the time of the
    export. Links to files are relative to the item.

    Args:
        trained: The segmentor and its card.
        path: The item, JSON.
        files: Files of the model, ``.onnx``, ``.safetensors`` or ``.pth``; at least one.

    Raises:
        UserError: If it cannot be written.
    """
    path = Path(path)
    card, now = trained.card, datetime.now(timezone.utc).strftime('%Y-%m-%dT%H:%M:%SZ')
    given = card['input']
    bands = given['band_names'] or [f'band {index}' for index in range(1, len(given['mean']) + 1)]
    properties = {
        'title': card['name'],
        'description': _description(card),
        'datetime': now,
        'created': now,
        'mlm:name': _name(card['name']),
        'mlm:architecture': _architecture(card),
        'mlm:tasks': ['semantic-segmentation'],
        'mlm:framework': 'PyTorch',
        'mlm:total_parameters': sum(p.numel() for p in trained.network.parameters()),
        'mlm:accelerator': None,
        'mlm:input': [_input(card, bands, network_tile(card))],
        'mlm:output': [_output(card, isinstance(trained.network, SuperResolutionSegmentor))],
        'bands': [_band(name, given) for name in bands],
        'mmuda:versions': card['versions'],
        'mmuda:data': card['data'],
        'mmuda:method': card['method'],
        'mmuda:validation': card['validation'],
        'mmuda:selection': card['selection'],
    }
    if card['versions'].get('torch'):
        properties['mlm:framework_version'] = card['versions']['torch']
    item = {
        'type': 'Feature',
        'stac_version': '1.1.0',
        'stac_extensions': list(EXTENSIONS.values()),
        'id': _name(card['name']),
        'geometry': None,
        'properties': properties,
        'links': [],
        'assets': {_key(file): _asset(Path(file), path, properties['bands']) for file in files},
    }
    write_json(item, path)
    return path


def _name(name: str) -> str:
    """A name as MLM allows it: it begins with a letter, and ends with a letter or a digit."""
    cleaned = re.sub(r'[^a-zA-Z0-9_.-]', '_', name).strip('_.-')
    return cleaned if re.match(r'[a-zA-Z]', cleaned) and len(cleaned) > 2 else f'model_{cleaned}'.rstrip('_.-')


def _architecture(card: Mapping) -> str:
    if card['segmentor'] is None:
        return 'unknown'
    head = card['segmentor']['decode_head']
    head = head[-1] if isinstance(head, list) else head
    return f'{card["segmentor"]["backbone"]["type"]} with {head["type"]} ({card["segmentor"]["type"]})'


def _description(card: Mapping) -> str:
    terms = ', '.join(card['method'].get('terms') or ()) or 'none'
    data = ', '.join(f'{name}: {text}' for name, text in card['data'].items() if text) or 'not known'
    return f'Segmentor of {len(card["classes"])} classes. Terms of its training: {terms}. Training data: {data}.'


def _input(card: Mapping, bands: list[str], tile: int) -> dict:
    """As ``mlm:input``: the scaling is of the raster's own values, whatever range the config maps to 0..255."""
    given = card['input']
    ranges = given['value_range'] or [0.0, 255.0]
    ranges = ranges if isinstance(ranges[0], list) else [ranges] * len(bands)
    scaling = [
        dict(type='z-score', mean=low + mean * (high - low) / 255, stddev=std * (high - low) / 255)
        for mean, std, (low, high) in zip(given['mean'], given['std'], ranges, strict=True)
    ]
    size = f'{given["gsd"]} m per pixel' if given['gsd'] else 'the ground sample distance of the training'
    return dict(
        name='image',
        bands=bands,
        input=dict(shape=[-1, len(bands), -1, -1], dim_order=DIMENSIONS, data_type='float32'),
        description=f'Images at {size}, in windows of about {tile} x {tile} px; 0 after scaling without data.',
        value_scaling=scaling,
        resize_type=None,
        pre_processing_function=None,
    )


def _output(card: Mapping, finer: bool) -> dict:
    palette = card['palette'] or [None] * len(card['classes'])
    classes = [_class(*one) for one in zip(range(len(card['classes'])), card['classes'], palette, strict=False)]
    return {
        'name': 'scores',
        'tasks': ['semantic-segmentation'],
        'result': dict(
            shape=[-1, len(classes), -1, -1], dim_order=['batch', 'class', 'height', 'width'], data_type='float32'
        ),
        'description': 'Logits; the class of a pixel is the largest.'
        + (' They lie on a finer grid than the image.' if finer else ''),
        'classification:classes': classes,
        'post_processing_function': None,
    }


def _class(value: int, name: str, colour: list[int] | None) -> dict:
    """A class of STAC's classification extension, whose names have no spaces; title and description are the name."""
    found = dict(value=value, name=re.sub(r'[^0-9A-Za-z_-]', '_', name), title=name, description=name)
    return found if colour is None else dict(found, color_hint='{:02X}{:02X}{:02X}'.format(*colour))


def _band(name: str, given: Mapping) -> dict:
    return dict(name=name, **(dict(gsd=given['gsd']) if given['gsd'] else {}))


def _key(file: str | os.PathLike) -> str:
    return Path(file).name.replace('.', '_')


def _asset(file: Path, item: Path, bands: list[dict]) -> dict:
    media, artifact, roles, framework = KINDS[file.suffix]
    return {
        'href': Path(os.path.relpath(file.absolute(), item.absolute().parent)).as_posix(),
        'title': f'{framework} file of the segmentor',
        'type': media,
        'roles': ['mlm:model', *roles],
        'mlm:artifact_type': artifact,
        'file:size': file.stat().st_size,
        'bands': bands,
    }
