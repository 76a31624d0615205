"""Exports a trained segmentor in the formats that others read."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from mmengine.config import Config

from mmuda.apis.config import load_config
from mmuda.apis.export import CONFIG, WEIGHTS, export_segmentor
from mmuda.apis.export_onnx import export_onnx
from mmuda.apis.export_source import trained_segmentor
from mmuda.apis.export_stac import export_stac
from mmuda.apis.export_weights import export_weights
from mmuda.checkpoints.card import card_text
from mmuda.checkpoints.card_file import write_card
from mmuda.utils.errors import UserError
from mmuda.utils.inputs import check_outputs
from mmuda.utils.writing import check_writable, no_empty_folders

# Files of each format; STAC comes last, since its item names the others.
EXPORT_FORMATS = {
    'mmseg': (CONFIG, WEIGHTS),
    'safetensors': ('segmentor.safetensors', 'card.json'),
    'onnx': ('segmentor.onnx',),
    'deepness': ('segmentor_deepness.onnx',),
    'stac': ('item.json',),
}


def export_model(
    checkpoint: str | os.PathLike,
    out_dir: str | os.PathLike,
    formats: Sequence[str] = ('safetensors',),
    config: str | os.PathLike | Config | None = None,
    domain: str | None = None,
    plugin: str | Sequence[str] | None = None,
    report: Callable[[str], None] = print,
) -> list[Path]:
    """Write a trained segmentor, without terms and discriminators, in one or several formats.

    - ``'mmseg'``: ``segmentor.py`` and ``segmentor.pth``, see :func:`mmuda.apis.export_segmentor`.
    - ``'safetensors'``: weights with the model card (``segmentor.safetensors``), and the card to read (``card.json``).
    - ``'onnx'``: ``segmentor.onnx`` for images of any size, see :func:`mmuda.apis.export_onnx.export_onnx`.
    - ``'deepness'``: ``segmentor_deepness.onnx``, the same for windows of one size, since Deepness takes no other.
    - ``'stac'``: ``item.json``, a STAC item with the MLM extension. Its assets are the files of the other formats, else
      the checkpoint.

    Args:
        checkpoint: Path or URL; with a model card, or of ``config``.
        out_dir: Folder of the files.
        formats: Some of the above.
        config: The config of the training; None builds from the model card.
        domain: Domain whose statistics normalise the images; None takes those of a test.
        plugin: Modules that the model card may import, see :func:`mmuda.apis.init_model`.
        report: Called with lines for the user.

    Returns:
        Paths of the files.

    Raises:
        UserError: A format is unknown, the checkpoint has neither card nor config, or the segmentor cannot be written
            in a format; files of the formats before it stay.
    """
    unknown = [name for name in formats if name not in EXPORT_FORMATS]
    if isinstance(formats, str) or unknown or not formats:
        raise UserError(f'formats {formats!r}: give a list of some of {", ".join(EXPORT_FORMATS)}')
    chosen, folder = [name for name in EXPORT_FORMATS if name in formats], Path(out_dir)
    paths = [folder / name for format_ in chosen for name in EXPORT_FORMATS[format_]]
    configs = [config] if isinstance(config, str | os.PathLike) else []
    check_outputs({}, [checkpoint, *configs], paths)
    # mmseg needs no card where there is a config.
    cardless = chosen == ['mmseg'] and config is not None
    trained = None if cardless else trained_segmentor(checkpoint, config, domain, plugin)
    with no_empty_folders(folder):
        check_writable(folder)
        for name in chosen:
            if name == 'mmseg':
                own = trained.cfg if config is None else config
                export_segmentor(_loaded(own), checkpoint, folder, domain or 'target')
            elif name == 'safetensors':
                export_weights(trained, folder / EXPORT_FORMATS[name][0])
                write_card(card_text(trained.card), folder / EXPORT_FORMATS[name][1])
            elif name == 'stac':
                export_stac(trained, folder / EXPORT_FORMATS[name][0], _assets(folder, chosen, trained.checkpoint))
            else:
                export_onnx(trained, folder / EXPORT_FORMATS[name][0], name == 'deepness', report)
    return paths


def _loaded(config) -> Config:
    return config if isinstance(config, Config) else load_config(config)


def _assets(folder: Path, chosen: Sequence[str], checkpoint: str) -> list[Path]:
    written = [folder / EXPORT_FORMATS[name][0] for name in chosen if name in ('safetensors', 'onnx', 'deepness')]
    return written or [Path(checkpoint)]
