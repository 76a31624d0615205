"""The example project is there to be copied."""

import os
import shutil
import subprocess
import sys

from tests.helpers import ROOT

CHECK = """

def test_the_copy_trains_with_its_own_code(config, tmp_path):
    import sys

    cfg = config()
    cfg.train_cfg.stages[0].iters = 1
    runner = train(cfg, str(tmp_path))
    assert runner.iter == 1
    assert type(runner.model).__module__ == 'projects.mine.proportion_alignment.wrapper'
    assert type(runner.model.terms.proportion).changed == 'here'
    assert not [name for name in sys.modules if name.startswith('projects.example_project')]
"""


def test_a_copy_of_the_example_project_works_by_itself(tmp_path):
    copy = tmp_path / 'projects' / 'mine'
    shutil.copytree(ROOT / 'projects' / 'example_project', copy, ignore=shutil.ignore_patterns('__pycache__'))
    (tmp_path / 'configs').symlink_to(ROOT / 'configs')
    term = copy / 'proportion_alignment' / 'alignment.py'
    term.write_text(f"{term.read_text()}\n\nProportionAlignment.changed = 'here'\n")
    tests = copy / 'tests' / 'test_training.py'
    tests.write_text(tests.read_text() + CHECK)
    # The repository's root stands behind: what a copy does not have itself must not be found in the original.
    environment = {**os.environ, 'PYTHONPATH': os.pathsep.join(map(str, (tmp_path, ROOT))), 'OMP_NUM_THREADS': '1'}
    options = ['-q', '-p', 'no:cacheprovider', '--import-mode=importlib', '-k', 'copy_trains or formula or predicts']
    done = subprocess.run(
        [sys.executable, '-m', 'pytest', *options, str(copy / 'tests')],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    assert not (copy / 'work_dirs').exists() and '7 passed' in done.stdout
