"""What README and docs name is there: files, configs, checkpoints; their Python can be parsed."""

import ast
import re

import pytest
from mmengine.config import Config

from mmuda.apis import load_config
from mmuda.registry import MODELS
from tests.helpers import ROOT

PAGES = [ROOT / 'README.md', *sorted(ROOT.glob('docs/*.md')), *sorted(ROOT.glob('configs/**/*.md'))]
PAGES += sorted(ROOT.glob('projects/**/*.md'))
LINK = re.compile(r'\]\((?!https?://|#)([^)#]+)')
NAMED = re.compile(r'(?<![\w/.])((?:configs|tools|projects|requirements)/[\w/.-]+\.(?:py|sh|md|txt))')
CHECKPOINT = re.compile(r'work_dirs/(\w+)/iter_(\d+)\.pth')
PYTHON = re.compile(r'```python\n(.*?)```', re.DOTALL)
# Files that a page tells the reader to write, or stand-ins.
WRITTEN = ('configs/mycity/', 'projects/my_project/')
# A config that a page tells to write, by the schedule that the page gives it.
SCHEDULES = {'srda_ours2theirs': ROOT / 'configs/_base_/schedules/srda_short.py'}
# Written by whoever measures; the README links it from the start.
PENDING: set[str] = set()


@pytest.mark.parametrize('page', PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_files_that_a_page_names_exist(page):
    text = page.read_text(encoding='utf-8')
    linked = {link: page.parent / link for link in LINK.findall(text)}
    named = {name: ROOT / name for name in NAMED.findall(LINK.sub('', text)) if not name.startswith(WRITTEN)}
    missing = [name for name, path in {**linked, **named}.items() if not path.exists() and name not in PENDING]
    assert not missing


@pytest.mark.parametrize('page', PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_checkpoints_that_a_page_names_are_those_of_the_last_iteration(page):
    for name, iterations in CHECKPOINT.findall(page.read_text(encoding='utf-8')):
        found = SCHEDULES.get(name) or next(
            path for pattern in (f'*/**/configs/{name}.py', f'configs/*/{name}.py') for path in ROOT.glob(pattern)
        )
        stages = Config.fromfile(found, import_custom_modules=False).train_cfg.stages
        assert sum(stage.iters for stage in stages) == int(iterations), name


@pytest.mark.parametrize('page', PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_python_of_a_page_is_python(page):
    for block in PYTHON.findall(page.read_text(encoding='utf-8')):
        ast.parse(block.replace(', ...)', ')'))  # dots stand for further arguments


def test_the_config_that_inherits_mmsegs_builds(tmp_path):
    page = (ROOT / 'docs/add_a_method.md').read_text(encoding='utf-8')
    block = next(block for block in PYTHON.findall(page) if block.startswith('# my_methods/deeplab'))
    path = tmp_path / 'deeplab.py'
    path.write_text(block.replace("'../configs/", f"'{ROOT}/configs/"))
    cfg = load_config(path, {'model.segmentor.backbone.depth': 18, 'model.segmentor.backbone.base_channels': 4})
    heads = cfg.model.segmentor.decode_head, cfg.model.segmentor.auxiliary_head
    for head, channels in zip(heads, (32, 16), strict=True):
        head.update(in_channels=channels, channels=4)
    cfg.model.segmentor.decode_head.update(c1_in_channels=4, c1_channels=4)
    model = MODELS.build(cfg.model)
    assert type(model).__name__ == 'DomainAdaptation' and type(model.segmentor).__name__ == 'EncoderDecoder'
    assert any(re.fullmatch(tap, 'aux.0.prob') for tap in model.adapter.offered(model.segmentor))


def test_the_config_of_getting_started_inherits_what_there_is(tmp_path):
    page = (ROOT / 'docs/getting_started.md').read_text(encoding='utf-8')
    block = next(block for block in PYTHON.findall(page) if block.startswith('# configs/mycity'))
    path = tmp_path / 'srda_ours2theirs.py'
    path.write_text(block.replace("'../_base_/", f"'{ROOT}/configs/_base_/"))
    cfg = Config.fromfile(path)
    assert cfg.val_dataloader is None and cfg.val_evaluator is None and cfg.val_cfg is None
    assert 'seg_map_path' not in cfg.train_dataloader.dataset.target.data_prefix
