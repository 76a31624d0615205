"""What README and docs name is there: links, files, modules, configs, checkpoints; their Python can be parsed."""

import ast
import itertools
import pkgutil
import re

import pytest
import yaml
from mmengine.config import Config

import mmuda
from mmuda.apis import load_config
from mmuda.registry import MODELS
from tests.helpers import ROOT
from tests.helpers.on_meta import check_on_meta

PAGES = [ROOT / 'README.md', ROOT / 'CONTRIBUTING.md', ROOT / 'CHANGELOG.md', *sorted(ROOT.glob('docs/**/*.md'))]
PAGES += sorted(ROOT.glob('configs/**/*.md')) + sorted(ROOT.glob('projects/**/*.md'))
# What these name is gone, which is why they name it.
OF_BEFORE = [ROOT / 'CHANGELOG.md', ROOT / 'docs/migration.md']
LINK = re.compile(r'\]\((?!https?://)([^)\s#]*)(?:#([^)\s]+))?\)')
HEADING = re.compile(r'^#+ (.+)$', re.MULTILINE)
FENCED = re.compile(r'^```.*?^```', re.MULTILINE | re.DOTALL)
NAMED = re.compile(r'(?<![\w/.])((?:configs|tools|projects|requirements)/[\w/.-]+\.(?:py|sh|md|txt))')
QUOTED = re.compile(r'`((?:benchmarks|configs|docs|mmuda|projects|requirements|tests|tools)/[\w/.-]*)(?:::[^`]+)?`')
MODULE = re.compile(r'`(mmuda(?:\.\w+)+)`')
CHECKPOINT = re.compile(r'work_dirs/(\w+)/iter_(\d+)\.pth')
PYTHON = re.compile(r'```python\n(.*?)```', re.DOTALL)
BASH = re.compile(r'```bash\n(.*?)```', re.DOTALL)
VALUES = re.compile(r'^\s*(\w+)=([\w/-]+)(?=\s*(?:#|$))|\bfor (\w+) in ([^;]*);', re.MULTILINE)
VARIABLE = re.compile(r'\$\{(\w+)\}|\$(\w+)')
# Files that a page tells the reader to write, or stand-ins.
WRITTEN = ('configs/mycity/', 'projects/my_project')
# A config that a page tells to write, by the schedule that the page gives it.
SCHEDULES = {'srda_ours2theirs': ROOT / 'configs/_base_/schedules/srda_short.py'}
by_page = pytest.mark.parametrize('page', PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def anchors(page):
    """Anchors of a page's headings, as GitHub makes them."""
    headings = HEADING.findall(FENCED.sub('', page.read_text(encoding='utf-8')))
    return {re.sub(r'[^\w\- ]', '', heading.lower()).replace(' ', '-') for heading in headings}


def braces(word):
    """What a shell makes of ``{a,b}`` in a word."""
    found = re.search(r'\{([^{}]*,[^{}]*)\}', word)
    if not found:
        return [word]
    parts = [word[: found.start()] + part + word[found.end() :] for part in found[1].split(',')]
    return list(itertools.chain.from_iterable(braces(part) for part in parts))


def configs_of(block):
    """Configs that the commands of a block read, with the values that the block gives its variables."""
    values = {}
    for name, value, loop, items in VALUES.findall(block):
        values.setdefault(name or loop, []).extend([value] if name else items.replace('"', '').split(' '))
    for word in re.findall(r'[^\s\'"]*\.py\b', re.sub(r'\s+#.*', '', block)):
        names = {a or b for a, b in VARIABLE.findall(word)}
        if names <= set(values):
            for chosen in itertools.product(*(values[name] for name in sorted(names))):
                given = dict(zip(sorted(names), chosen, strict=True))
                full = VARIABLE.sub(lambda found, given=given: given[found[1] or found[2]], word)
                yield from (config for config in braces(full) if config.startswith('configs/'))


def resolves(name):
    try:
        pkgutil.resolve_name(name)
    except (ImportError, AttributeError):
        return False
    return True


@by_page
def test_links_lead_somewhere(page):
    broken = []
    for link, anchor in LINK.findall(page.read_text(encoding='utf-8')):
        target = (page.parent / link).resolve() if link else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(f'{link}#{anchor}')
    assert not broken


@by_page
def test_files_that_a_page_names_exist(page):
    text = LINK.sub('', page.read_text(encoding='utf-8'))
    named = set(NAMED.findall(text)) | (set() if page in OF_BEFORE else set(QUOTED.findall(text)))
    assert not [name for name in sorted(named) if not name.startswith(WRITTEN) and not (ROOT / name).exists()]


@by_page
def test_modules_that_a_page_names_can_be_imported(page):
    names = set() if page in OF_BEFORE else set(MODULE.findall(page.read_text(encoding='utf-8')))
    assert not [name for name in sorted(names) if not resolves(name)]


@by_page
def test_configs_of_a_pages_commands_exist(page):
    blocks = BASH.findall(page.read_text(encoding='utf-8'))
    configs = set(itertools.chain.from_iterable(configs_of(block) for block in blocks))
    assert not [name for name in sorted(configs) if not name.startswith(WRITTEN) and not (ROOT / name).exists()]


def test_configs_of_a_command_are_found_as_a_shell_finds_them():
    block = (
        'M=narrow\nfor S in "" two_; do\n  python tools/x.py configs/a/{one,${S}b}_$M.py $UNKNOWN.py  # configs/c.py\n'
    )
    expected = {'configs/a/one_narrow.py', 'configs/a/b_narrow.py', 'configs/a/two_b_narrow.py'}
    assert set(configs_of(block)) == expected


def test_every_method_has_a_page_of_results():
    named = {
        page.parent.name: set(re.findall(r'docs/results/(\w+)\.md', page.read_text(encoding='utf-8')))
        for page in ROOT.glob('configs/*/README.md')
    }
    assert all(named.values()), named
    pages = {page.stem for page in ROOT.glob('docs/results/*.md')}
    assert set.union(*named.values()) >= pages - {
        'README',
        'benchmark',
        'maps',
        'reading',
    }  # the last two are of no method


def test_the_citation_is_of_this_version():
    citation = yaml.safe_load((ROOT / 'CITATION.cff').read_text(encoding='utf-8'))
    assert citation['cff-version'] == '1.2.0' and {'title', 'message', 'authors'} <= set(citation)
    assert citation['version'] == mmuda.__version__ and citation['license'] == 'Apache-2.0'


@by_page
def test_checkpoints_that_a_page_names_are_those_of_the_last_iteration(page):
    for name, iterations in CHECKPOINT.findall(page.read_text(encoding='utf-8')):
        found = SCHEDULES.get(name) or next(
            path for pattern in (f'*/**/configs/{name}.py', f'configs/*/{name}.py') for path in ROOT.glob(pattern)
        )
        stages = load_config(found).train_cfg.stages
        assert sum(stage.iters for stage in stages) == int(iterations), name


@by_page
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


@pytest.mark.parametrize('name', ['getting_started', 'add_a_dataset'])
def test_the_configs_of_a_page_can_be_run(name, tmp_path, monkeypatch):
    """Beside the shipped configs, as the page says; no data is read."""
    (tmp_path / 'configs').mkdir()
    (tmp_path / 'configs' / '_base_').symlink_to(ROOT / 'configs' / '_base_')
    (tmp_path / 'configs' / 'srda').symlink_to(ROOT / 'configs' / 'srda')
    text = (ROOT / 'docs' / f'{name}.md').read_text(encoding='utf-8')
    files = dict((path, code) for code, path in re.findall(r'```python\n(# (\S+\.py)\n.*?)```', text, re.DOTALL))
    for path, code in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    configs = [path for path, code in files.items() if '_base_' in code]
    assert configs
    for path in configs:
        check_on_meta(tmp_path / path)
