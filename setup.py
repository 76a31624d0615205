"""Packaging of mmuda. The settings of ruff and pytest are in pyproject.toml."""

import re
import shutil
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).parent


def read_version() -> str:
    """Version as the package states it, without importing the package (its dependencies may not be there yet)."""
    text = (ROOT / 'mmuda' / '__init__.py').read_text(encoding='utf-8')
    return re.search(r"^__version__ = '([^']+)'", text, re.MULTILINE).group(1)


def read_requirements(name: str) -> list[str]:
    """Requirements of ``requirements/<name>.txt`` without their comments."""
    lines = (ROOT / 'requirements' / f'{name}.txt').read_text(encoding='utf-8').splitlines()
    return [line.strip() for line in lines if line.strip() and not line.startswith('#')]


def read_readme() -> str:
    readme = ROOT / 'README.md'
    return readme.read_text(encoding='utf-8') if readme.exists() else ''


class BuildWithConfigs(build_py):
    """Puts the configs into the package, at the place where mmengine looks for ``mmuda::...``.

    A checkout has a link there, which editable installs follow.
    """

    def run(self) -> None:
        super().run()
        if self.editable_mode:
            return
        for source in sorted((ROOT / 'configs').rglob('*.py')):
            target = Path(self.build_lib, 'mmuda', '.mim', source.relative_to(ROOT))
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)


# Tools and projects are used from a checkout, as mmseg's are: the package and its configs are installed.
setup(
    name='mmuda',
    version=read_version(),
    description='Unsupervised domain adaptation for semantic segmentation of remote-sensing imagery',
    long_description=read_readme(),
    long_description_content_type='text/markdown',
    license='Apache-2.0',
    keywords='remote sensing, semantic segmentation, unsupervised domain adaptation, super-resolution',
    packages=find_packages(include=['mmuda', 'mmuda.*']),
    package_data={'mmuda': ['datasets/legends/*.json', 'reports/templates/*', '.mim/model-index.yml']},
    cmdclass={'build_py': BuildWithConfigs},
    python_requires='>=3.10',
    install_requires=read_requirements('runtime'),
    extras_require={
        'export': read_requirements('export'),
        'onnx': read_requirements('onnx'),
        'report': read_requirements('report'),
        'tensorboard': read_requirements('tensorboard'),
        'tests': [
            one for name in ('tests', 'vector', 'export', 'report', 'tensorboard') for one in read_requirements(name)
        ],
        'vector': read_requirements('vector'),
        'weights': read_requirements('weights'),
    },
    classifiers=[
        'Development Status :: 4 - Beta',
        'Intended Audience :: Science/Research',
        'Operating System :: POSIX',  # tools/compare.py locks its runs with fcntl
        'Programming Language :: Python :: 3',
        'Programming Language :: Python :: 3.10',
        'Programming Language :: Python :: 3.11',
        'Programming Language :: Python :: 3.12',
        'Topic :: Scientific/Engineering :: Artificial Intelligence',
        'Topic :: Scientific/Engineering :: GIS',
        'Topic :: Scientific/Engineering :: Image Recognition',
    ],
    zip_safe=False,
)
