"""A start of mmuda prints nothing that is not about it."""

import subprocess
import sys

LINE = 'Could not import OneDL'


def said(code):
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True)
    return done.stdout


def test_a_missing_package_that_nothing_uses_is_not_mentioned():
    found = said(
        'import sys, mmuda\n'
        "assert not {'torch', 'mmengine', 'mmseg'} & set(sys.modules)\n"
        'before = list(sys.meta_path)\n'
        'import mmuda.apis, mmseg.datasets.transforms\n'
        'from mmuda.utils.setup_env import register_all_modules\n'
        'register_all_modules()\n'
        "assert 'kornia' not in sys.modules\n"
        'assert len(sys.meta_path) == len(before) - 1, sys.meta_path\n'
        'import mmuda.utils.quiet_import as quiet\n'
        'quiet.hide_missing_onedl()\n'
        'assert len(sys.meta_path) == len(before) - 1\n'
        "print('done')"
    )
    assert found == 'done\n'


def test_whatever_else_the_module_prints_stays(tmp_path):
    package = tmp_path / 'mmseg' / 'datasets'
    package.mkdir(parents=True)
    (package.parent / '__init__.py').write_text('')
    (package / '__init__.py').write_text(f"print('{LINE}')\nprint('first')\nprint('{LINE}')\nraise ImportError('why')")
    found = said(
        'import sys, mmuda\n'
        f'sys.path.insert(0, {str(tmp_path)!r})\n'
        'try:\n    import mmseg.datasets\n'
        "except ImportError as error:\n    print('refused', error)\n"
    )
    assert found == 'first\nrefused why\n'


def test_the_line_is_still_printed_by_mmseg():
    assert LINE in said('import mmseg.datasets')  # when this no longer holds, the module can go
