"""docs/add_a_method.md as its reader follows it: every file is written as the page says, every config trains."""

import re
import sys
from pathlib import Path

import pytest

from mmuda.apis import load_config, train
from mmuda.synthetic import dataset as synthetic
from mmuda.synthetic import generate
from tests.helpers import ROOT

BLOCK = re.compile(r'```python\n# (my_methods/(\w+)\.py)\n(.*?)```', re.DOTALL)
FILES = {path: code for path, _, code in BLOCK.findall((ROOT / 'docs/add_a_method.md').read_text(encoding='utf-8'))}
# That of mmseg's DeepLab needs ImageNet weights and minutes; tests/test_docs.py builds it.
CONFIGS = [path for path, code in FILES.items() if '_base_' in code and 'deeplab' not in path]
LOSSES = dict(
    entropy=['entropy.loss_entropy'],
    adversarial_entropy=['adversarial.loss_adversarial', 'adversarial.loss_discriminator'],
    two_stages=['entropy.loss_entropy'],
    haze=['haze.decode.loss_ce'],
    margin=['haze.decode.loss_ce'],
    reversal=['adversarial.loss_discriminator'],
)
SMALL = dict(source=dict(train=(1, 128), val=(1, 128)), target=dict(train=(1, 320), val=(1, 320)))


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """A repository's root with the page's files, its configs and little imagery; importable meanwhile."""
    root = tmp_path_factory.mktemp('root')
    (root / 'configs').symlink_to(ROOT / 'configs')
    (root / 'my_methods').mkdir()
    for path, code in FILES.items():
        (root / path).write_text(code)
    generate(root / 'data' / 'synthetic', scenes=SMALL)
    sys.path.insert(0, str(root))
    yield root
    sys.path.remove(str(root))
    for name in [name for name in sys.modules if name.partition('.')[0] == 'my_methods']:
        del sys.modules[name]


def test_the_page_has_a_term_an_alignment_a_view_and_their_configs():
    assert {Path(path).stem for path in FILES} >= {'entropy', 'adversarial_entropy', 'haze', 'margin'}
    assert len(CONFIGS) >= 6


@pytest.mark.parametrize('path', CONFIGS)
def test_a_config_of_the_page_trains_from_end_to_end(folder, path, monkeypatch):
    monkeypatch.setattr(synthetic, 'generate', lambda root, seed: generate(root, seed, scenes=SMALL))
    monkeypatch.chdir(folder)
    cfg = load_config(folder / path)
    stages = cfg.train_cfg.stages
    for stage in stages:
        stage.iters = 2
    cfg.train_cfg.val_interval = 2 * len(stages)
    cfg.default_hooks.logger.interval = 1
    work_dir = folder / 'work_dirs' / Path(path).stem
    train(cfg, str(work_dir))
    log = next(work_dir.glob('*/vis_data/scalars.json')).read_text()
    assert '"mIoU"' in log
    for loss in LOSSES[Path(path).stem.removesuffix('_synthetic')]:
        assert f'"{loss}"' in log
    assert (work_dir / 'summary.json').is_file() and (work_dir / f'iter_{2 * len(stages)}.pth').is_file()
