"""Tries the text of a config, so that what a training would refuse is refused before the config is written."""

from __future__ import annotations

import tempfile
from pathlib import Path

from mmengine.config import Config

from mmuda.apis.config import load_config
from mmuda.registry import DATASETS


def try_config(text: str) -> Config:
    """Load the text of a config and look at the files of its datasets, without writing where a run would.

    Args:
        text: A config that inherits by ``mmuda::``, with streams in its training.

    Returns:
        The config.

    Raises:
        UserError: The config, or a raster or label that its datasets read, is not right.
    """
    with tempfile.TemporaryDirectory(prefix='mmuda_config_') as folder:
        path = Path(folder) / 'config.py'
        path.write_text(text, encoding='utf-8')
        cfg = load_config(path)
    streams = cfg.train_dataloader.dataset
    # The labels of the target, which no training reads, are checked by the validation; the rest is in the streams.
    for dataset in (streams.source, streams.target, cfg.val_dataloader.dataset):
        DATASETS.build(dataset)
    return cfg
