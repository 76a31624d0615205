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
    """Refuse original mmengine, mmcv or mmsegmentation distributions beside (or instead of) the maintained ones.

    Both lines install the same directories (``mmengine/``, ``mmcv/``, ``mmseg/``), so whichever was installed last has
    overwritten files of the other, and removing one breaks the other: both go, the maintained ones are put back.

    Raises:
        ImportError: If one of the original distributions is installed; names them and the commands that mend it.
    """
    found = {name: installed_version(name) for name in ORIGINAL_TO_MAINTAINED}
    found = {name: number for name, number in found.items() if number is not None}
    if not found:
        return
    listed = ', '.join(f'{name} {number}' for name, number in found.items())
    # All three come back: an original package that is already gone may have taken files of another with it.
    maintained = ' '.join(dict.fromkeys(ORIGINAL_TO_MAINTAINED.values()))
    raise ImportError(
        f'mmuda needs the maintained packages {maintained}, but the original {listed} is installed in the same '
        'environment and owns the same directories; mend it with '
        f'`python -m pip uninstall -y {" ".join(found)} {maintained}` and then '
        f'`python -m pip install --force-reinstall --no-deps {maintained}`'
    )


def wait_passively() -> None:
    """Let idle OpenMP threads sleep instead of spin, unless the environment says otherwise.

    On a machine with few cores that does anything else besides, threads that spin wait for each other: a training step
    on two cores took three times as long. It has an effect only before torch is loaded; on a machine of one's own
    ``OMP_WAIT_POLICY=ACTIVE`` may be a little faster.
    """
    if 'torch' not in sys.modules:
        os.environ.setdefault('OMP_WAIT_POLICY', 'PASSIVE')


def hide_misleading_warnings() -> None:
    """Hide warnings of the stack whose advice would do harm, or that tell of what is meant.

    mmcv advises to install ``mmcv``, which :func:`check_packages` would refuse, for an operation that nothing here
    uses; mmseg warns of the sizes that the papers' ``align_corners=True`` has, and advises one channel for two classes,
    which terms that read probabilities cannot use; mmengine of schedules that go on while a stage leaves their
    optimiser alone, as they count the iterations of the run.
    """
    warnings.filterwarnings('ignore', message='Fail to import ``MultiScaleDeformableAttention``')
    warnings.filterwarnings('ignore', message='When align_corners=True, the output would more aligned')
    warnings.filterwarnings('ignore', message='For binary segmentation, we suggest using`out_channels = 1`')
    warnings.filterwarnings('ignore', message=r'Detected call of `scheduler\.step\(\)` before `optimizer\.step\(\)`')
