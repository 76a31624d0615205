"""Makes the registries and configs of mmseg and mmuda available."""

from importlib import import_module
from importlib.util import find_spec

from mmengine.config.utils import MODULE2PACKAGE
from mmengine.registry import init_default_scope

MODULES = ('structures', 'models', 'datasets.registered', 'synthetic', 'engine', 'evaluation', 'visualization')


def allow_package_configs() -> None:
    """Allow a config to inherit ``mmuda::_base_/...`` and ``mmseg::_base_/...``.

    mmengine does not know the scope ``mmuda``, and maps ``mmseg`` to the distribution ``mmsegmentation``; the installed
    one, with the same configs, is ``onedl-mmsegmentation``.
    """
    MODULE2PACKAGE['mmuda'] = 'mmuda'
    MODULE2PACKAGE['mmseg'] = 'onedl-mmsegmentation'


def register_all_modules(set_default_scope: bool = True) -> None:
    """Register every module of mmseg and of mmuda; repeated calls cost nothing.

    Args:
        set_default_scope: Also make ``mmuda`` the default scope for types, as a Runner does from a config.
    """
    from mmseg.utils import register_all_modules as register_mmseg

    allow_package_configs()
    register_mmseg(init_default_scope=False)
    import_module('mmseg.visualization')  # not among those, and a child registry does not look for it
    import_module('mmuda.utils.atomic_backend')  # the storage backend `atomic`
    for name in MODULES:
        if find_spec(f'mmuda.{name}') is not None:
            import_module(f'mmuda.{name}')
    if set_default_scope:
        init_default_scope('mmuda')
