"""docs/public_names.md lists every package with public names, and each of the names is used outside its definition."""

import inspect
import pkgutil
import re
from functools import cache
from importlib import import_module
from pathlib import Path

import pytest

import mmuda
from tests.helpers import ROOT

PAGE = (ROOT / 'docs' / 'public_names.md').read_text(encoding='utf-8')
LISTED = re.findall(r'^\| `(mmuda[\w.]*)` \|', PAGE, re.MULTILINE)
PLACES = ('mmuda', 'tests', 'tools', 'configs', 'docs', 'projects', 'benchmarks', 'README.md')
WORD = re.compile(r'\w+')


@cache
def words() -> dict[Path, frozenset[str]]:
    """The words of each file of the repository that may use a name."""
    files = []
    for place in PLACES:
        path = ROOT / place
        files += [path] if path.is_file() else [*path.rglob('*.py'), *path.rglob('*.md'), *path.rglob('*.sh')]
    files = [path for path in files if path.name != '__init__.py' and path.name != 'public_names.md']
    return {path: frozenset(WORD.findall(path.read_text(encoding='utf-8'))) for path in files}


def definition_of(value) -> Path | None:
    """The file that defines a class or function; None for a constant, which any file may define."""
    try:
        return Path(inspect.getsourcefile(value)).resolve()
    except TypeError:
        return None


def packages() -> list[str]:
    """All packages of mmuda that have public names."""
    found = [module.name for module in pkgutil.walk_packages(mmuda.__path__, 'mmuda.') if module.ispkg]
    return [name for name in found if hasattr(import_module(name), '__all__')]


def test_the_page_lists_every_package_with_public_names():
    assert sorted([*packages(), 'mmuda.registry']) == sorted(LISTED)


@pytest.mark.parametrize('package', packages())
def test_a_public_name_is_there_and_used_outside_its_definition(package):
    module = import_module(package)
    assert len(set(module.__all__)) == len(module.__all__)
    unused = []
    for name in module.__all__:
        definition = definition_of(getattr(module, name))
        uses = [path for path, found in words().items() if name in found and path.resolve() != definition]
        if len(uses) < (2 if definition is None else 1):  # one of a constant's is its definition
            unused.append(name)
    assert not unused
