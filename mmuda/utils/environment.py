"""Refuses an environment in which two packages own the same directories. Imports neither torch nor mmseg."""

import os
import sys
import warnings
from importlib.metadata import PackageNotFoundError, version

# Distribution names of the original packages, and the maintained ones that own the same import directories.
ORIGINAL_TO_MAINTAINED = {
    'mmengine': 'onedl-mmengine',
    'mmcv': 'onedl-mmcv',
    'mmcv-lite': 'onedl-mmcv',
    'mmcv-full': 'onedl-mmcv',
    'mmsegmentation': 'onedl-mmsegmentation',
}


def installed_version(distribution: str) -> str | None:
    """Version of an installed distribution, None if it is not installed."""
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


def check_packages() -> None:
    """Refuse original mmengine, mmcv or mmsegmentation distributions next to (or instead of) the maintained ones.

    Both install the same directories (``mmengine/``, ``mmcv/``, ``mmseg/``), so the one installed last has overwritten
    files of the other, and removing one breaks the other. The remedy removes both and reinstalls the maintained ones.

    Raises:
        ImportError: If one of the original distributions is installed; names them and the commands that fix it.
    """
    found = {name: installed_version(name) for name in ORIGINAL_TO_MAINTAINED}
    found = {name: number for name, number in found.items() if number is not None}
    if not found:
        return
    listed = ', '.join(f'{name} {number}' for name, number in found.items())
    # All three are reinstalled: an original package already removed may have taken another one's files with it.
    maintained = ' '.join(dict.fromkeys(ORIGINAL_TO_MAINTAINED.values()))
    raise ImportError(
        f'mmuda needs the maintained packages {maintained}, but the original {listed} is installed in the same '
        'environment and owns the same directories; fix it with '
        f'`python -m pip uninstall -y {" ".join(found)} {maintained}` and then '
        f'`python -m pip install --force-reinstall --no-deps {maintained}`'
    )


def wait_passively() -> None:
    """Make idle OpenMP threads sleep instead of spin, unless the environment says otherwise.

    On a machine with few cores and other work, spinning threads wait for each other: a training step on two cores took
    three times as long. This has an effect only before torch is loaded. On an otherwise idle machine
    ``OMP_WAIT_POLICY=ACTIVE`` may be slightly faster.
    """
    if 'torch' not in sys.modules:
        os.environ.setdefault('OMP_WAIT_POLICY', 'PASSIVE')


def hide_misleading_warnings() -> None:
    """Hide library warnings whose advice would do harm, or that report what is intended.

    mmcv advises installing ``mmcv``, which :func:`check_packages` would refuse, for an operation that nothing here
    uses. mmseg warns about the sizes that result from the papers' ``align_corners=True``. It also advises one channel
    for two classes, which terms that read probabilities cannot use. mmengine warns about schedules that continue while
    a stage does not step their optimiser; they count the iterations of the run.
    """
    warnings.filterwarnings('ignore', message='Fail to import ``MultiScaleDeformableAttention``')
    warnings.filterwarnings('ignore', message='When align_corners=True, the output would more aligned')
    warnings.filterwarnings('ignore', message='For binary segmentation, we suggest using`out_channels = 1`')
    warnings.filterwarnings('ignore', message=r'Detected call of `scheduler\.step\(\)` before `optimizer\.step\(\)`')
