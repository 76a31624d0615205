"""Who may import whom, and what is installed for it: read from the files, without running them."""

import ast
import importlib
import re
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from tests.helpers import ROOT

PACKAGE = ROOT / 'mmuda'
BASE = ('registry', 'structures', 'checkpoints', 'utils')
RASTER = ('datasets.raster', 'registry', 'structures', 'utils')
DATASETS = ('datasets', 'datasets.coarse', 'datasets.legends', 'datasets.public', 'datasets.transforms', *RASTER)
APPLIED = ('converters', 'engine', 'evaluation', 'maps', 'models', 'pairing', 'synthetic', 'visualization')
BELOW_APIS = (*APPLIED, *DATASETS, *BASE)
# What the files of a folder may import of mmuda besides their own folder.
MAY_IMPORT = {
    'utils': (),
    'registry': ('utils',),
    'structures': ('utils',),
    'checkpoints': ('utils',),
    'models': BASE,
    'datasets.raster': RASTER,
    'datasets.legends': ('structures', 'utils'),
    'datasets.coarse': ('datasets.legends', *RASTER),
    'datasets.public': RASTER,
    'datasets.transforms': ('datasets.coarse', *RASTER),
    'datasets': DATASETS,
    'synthetic': DATASETS,
    'converters': DATASETS,
    'pairing': ('structures', 'utils'),
    'evaluation': ('models.losses', 'registry', 'structures', 'utils'),
    'visualization': RASTER,
    'maps': ('checkpoints', 'datasets.transforms', *RASTER),
    'engine': ('evaluation', 'models', 'pairing', 'visualization', *DATASETS, *BASE),
    'apis': BELOW_APIS,
    'experiments': ('apis', *BELOW_APIS),
    'testing': ('apis', *BELOW_APIS),
    'reports': ('apis', 'experiments', *BELOW_APIS),
}
LAYERS = ('backbones', 'decode_heads', 'discriminators', 'generators', 'losses', 'sr_heads')
# The same within the models; what no table names imports nothing of another folder there.
WITHIN_MODELS = {
    'segmentors': LAYERS,
    'views': ('losses',),
    'terms': ('losses', 'views'),
    'adapters': ('segmentors',),
    'wrappers': ('adapters', 'depthwise', 'segmentors', 'terms', 'uncounted', 'views', *LAYERS),
}
EXTRAS = ('vector', 'export', 'onnx', 'report', 'tensorboard')
# Where tools take names from beside the packages that docs/public_names.md lists: types of command line arguments.
ARGUMENTS = ('mmuda.utils.arguments', 'mmuda.utils.cfg_options', 'mmuda.utils.errors')
PAGE = (ROOT / 'docs' / 'public_names.md').read_text(encoding='utf-8')
PUBLIC = (*ARGUMENTS, *re.findall(r'^\| `(mmuda[\w.]*)` \|', PAGE, re.MULTILINE))


def imports_of(path: Path) -> list[tuple[str, str]]:
    """(module, name) of everything that a file imports, wherever in it; the name is '' for ``import module``."""
    package = path.relative_to(ROOT).with_suffix('').parts
    package = package[:-1]
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding='utf-8'))):
        if isinstance(node, ast.Import):
            found += [(alias.name, '') for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            parent = package[: len(package) - node.level + 1] if node.level else ()
            module = '.'.join([*parent, *filter(None, [node.module])])
            found += [(module, alias.name) for alias in node.names]
    return found


def files_of(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob('*.py'))


def part_of(module: str) -> str:
    """The folder of the table that a module belongs to."""
    names = module.split('.')[1:]
    for length in (2, 1):
        if '.'.join(names[:length]) in MAY_IMPORT:
            return '.'.join(names[:length])
    return names[0] if names else ''


def modules_of(path: Path) -> list[str]:
    """The modules of mmuda that a file imports; a name that is a module counts as one."""
    modules = []
    for module, name in imports_of(path):
        if module == 'mmuda' and name:
            module = f'mmuda.{name}'
        if module.startswith('mmuda.'):
            modules.append(module)
    return modules


@pytest.mark.parametrize('path', files_of('mmuda'), ids=lambda path: str(path.relative_to(ROOT)))
def test_arrows_point_one_way(path):
    own = '.'.join(path.relative_to(ROOT).with_suffix('').parts)
    part = part_of(own)
    if own == 'mmuda.__init__':
        assert all(part_of(module) == 'utils' for module in modules_of(path))
        return
    allowed = (part, *MAY_IMPORT[part])
    wrong = [
        module
        for module in modules_of(path)
        if part_of(module) not in allowed
        and not module.startswith(tuple(f'mmuda.{one}' for one in allowed if '.' in one))
    ]
    assert not wrong, f'{part} may import {", ".join(allowed)}'


@pytest.mark.parametrize('path', files_of('mmuda/models'), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_arrows_within_the_models(path):
    folder = path.relative_to(PACKAGE / 'models').parts[0]
    if folder == '__init__.py':
        return
    allowed = (folder, *WITHIN_MODELS.get(folder, ()))
    modules = [module for module in modules_of(path) if module.startswith('mmuda.models.')]
    assert not [module for module in modules if module.split('.')[2] not in allowed]


@pytest.mark.parametrize('path', files_of('tools'), ids=lambda path: str(path.relative_to(ROOT)))
def test_tools_import_public_names_only(path):
    for module, name in imports_of(path):
        if module.split('.')[0] != 'mmuda':
            continue
        assert module in PUBLIC, f'{module} is not public; export {name} from one of {PUBLIC}'
        public = importlib.import_module(module)
        assert name in getattr(public, '__all__', vars(public))


def requirements(name: str) -> set[str]:
    lines = (ROOT / 'requirements' / f'{name}.txt').read_text(encoding='utf-8').splitlines()
    return {re.match(r'[\w.-]+', line)[0].lower() for line in lines if line and not line.startswith('#')}


@pytest.mark.parametrize(
    ('folder', 'files'),
    [
        ('mmuda', ('vector', 'export', 'report', 'runtime')),
        ('tools', ('runtime',)),
        ('tests', (*EXTRAS, 'runtime', 'tests')),
    ],
)
def test_what_is_imported_is_required(folder, files):
    distributions, required = packages_distributions(), set().union(*map(requirements, files))
    imported = {module.split('.')[0] for path in files_of(folder) for module, _ in imports_of(path)}
    ours = {'mmuda', 'tests', *(path.stem for path in files_of(folder))}
    unnamed = {
        module
        for module in imported - ours - set(sys.stdlib_module_names)
        if not required & {name.lower() for name in distributions.get(module, ())}
    }
    assert not unnamed, f'name what brings {sorted(unnamed)} in requirements/{files[-1]}.txt'


def test_extras_are_imported_when_they_are_needed():
    """A plain installation has no package of an extra, and must do all that needs none."""
    extras = {name for file in EXTRAS for name in requirements(file)}
    extras -= requirements('runtime')
    modules = {module for module, brought in packages_distributions().items() if extras & {*map(str.lower, brought)}}
    assert {'shapely', 'pyogrio', 'safetensors', 'onnxruntime', 'tensorboard', 'jinja2'} <= modules
    code = (
        'import sys, importlib.abc\n'
        'class Missing(importlib.abc.MetaPathFinder):\n'
        '    def find_spec(self, name, path=None, target=None):\n'
        f'        if name.partition(".")[0] in {sorted(modules)}: raise ModuleNotFoundError(name, name=name)\n'
        'sys.meta_path.insert(0, Missing())\n'
        'import mmuda.apis, mmuda.experiments, mmuda.converters, mmuda.maps.making, mmuda.reports\n'
        'from mmuda.utils.setup_env import register_all_modules\n'
        'register_all_modules()\n'
    )
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr


def test_what_is_required_was_tested():
    tested = requirements('tested')
    files = ('runtime', *EXTRAS, 'tests')
    assert set().union(*map(requirements, files)) <= tested


@pytest.mark.parametrize(
    'folder', sorted({path.parent for path in files_of('mmuda')}), ids=lambda p: str(p.relative_to(ROOT))
)
def test_every_folder_says_what_lives_in_it(folder):
    assert ast.get_docstring(ast.parse((ROOT / folder / '__init__.py').read_text(encoding='utf-8')))


@pytest.mark.parametrize('path', files_of('mmuda'), ids=lambda path: str(path.relative_to(ROOT)))
def test_files_are_short(path):
    assert len(path.read_text(encoding='utf-8').splitlines()) <= 300
