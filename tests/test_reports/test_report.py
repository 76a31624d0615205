"""The page of small runs: what it holds, what it says of what is missing, and what it refuses."""

import re
import runpy
import sys

import pytest

from mmuda.apis import UserError
from mmuda.reports import page as page_module
from mmuda.reports import write_report
from tests.helpers import ROOT
from tests.helpers.two_models import imagery  # noqa: F401  (a fixture)
from tests.helpers.work_dirs import METRICS, write_log, write_run

LOG = {
    'supervised.decode.loss_ce': {1: 1.0, 2: 0.5, 3: 0.4},
    'mIoU': {1: 20.0, 2: 30.0, 3: 25.0},
    'entropy': {1: 0.9, 2: 0.3, 3: 0.5},
    'information_maximisation': {1: 0.1, 2: 0.2, 3: 0.3},
    'soft_neighbourhood_density': {1: 3.0, 2: 2.0, 3: 1.0},
}


@pytest.fixture
def runs(tmp_path, imagery):  # noqa: F811
    """Two methods with one run each, of which the second is very sure."""
    for name in ('weak', 'strong'):
        metrics = METRICS | {'mIoU': 41.0 if name == 'strong' else 40.0}
        write_run(tmp_path / 'out' / name / 'seed0', imagery, imagery.with_name(f'{name}.pth'), 0, LOG, metrics)
    return [tmp_path / 'out' / name for name in ('weak', 'strong')]


def text_of(page):
    text = re.sub(r'<(script|style)>.*?</\1>|<pre>.*?</pre>', '', page.read_text(encoding='utf-8'), flags=re.DOTALL)
    return ' '.join(re.sub(r'<[^>]*>', ' ', text).split())


def test_two_runs_side_by_side(runs, tmp_path):
    lines = []
    page = write_report(runs, tmp_path / 'page.html', 'Two runs', report=lines.append)
    text, html = text_of(page), page.read_text(encoding='utf-8')
    assert 'strong reached 41.0 % mIoU on the target, +1.0 points over weak.' in text
    assert 'Two maps of one place' in text and 'a_image.tif' in text
    assert '4 of 4 windows of the test set were predicted; they are ranked by mIoU of' in text
    for words in ('weak : mIoU', 'strong : mIoU', 'By the labels, which had no say', 'Losses of all terms'):
        assert words in text, words
    assert re.search(r'strong, seed 0 information maximisation 3 25\.0 0\.50', text)  # Spearman of (1, 2, 3), (1, 3, 2)
    assert 'What is missing' not in text
    assert html.count('<option') == 6  # both models and the truth, on either side
    assert not re.search(r'(?:src|href)="(?!data:|#)', html)
    assert re.search(r'page.html: 2 runs, 0\.\d MB', lines[-1])


def test_a_run_that_was_killed_still_gives_a_page(tmp_path, imagery):  # noqa: F811
    run = write_run(tmp_path / 'killed', imagery, metrics=None)
    write_log(run, LOG)
    text = text_of(write_report([run], tmp_path / 'page.html', report=str))
    assert 'the training has not ended; to go on: python tools/train.py' in text
    assert 'there is no checkpoint that can be read, so nothing is predicted; to get one: python tools/train.py' in text
    assert 'Scores at validations' in text and 'Results mIoU' not in text and 'Two maps' not in text


def test_what_is_damaged_is_told_and_left_out(tmp_path, imagery):  # noqa: F811
    run = write_run(tmp_path / 'damaged', imagery, imagery.with_name('weak.pth'))
    (run / 'summary.json').write_text('{"mode"')
    (run / 'iter_2.pth').write_bytes(b'PK nothing')
    text = text_of(write_report([run], tmp_path / 'page.html', report=str))
    assert 'summary.json is no JSON' in text and 'iter_2.pth' in text
    assert 'weak' not in text and 'damaged : mIoU' in text  # the older weights are taken
    assert 'there is no log (*/vis_data/scalars.json), so there are no curves of it' in text


def test_only_a_summary(tmp_path):
    text = text_of(write_report([write_run(tmp_path / 'bare')], tmp_path / 'page.html', report=str))
    assert 'bare reached 40.0 % mIoU on the target.' in text
    assert 'there is no config, so neither its data nor its settings are shown' in text


def test_images_of_another_machine(tmp_path, imagery, runs):  # noqa: F811
    for name in ('a_image.tif', 'a_label.tif'):
        (tmp_path / name).unlink()
    text = text_of(write_report(runs, tmp_path / 'page.html', report=str))
    assert 'training images of weak cannot be read here' in text
    assert 'there are no maps, windows and confusion matrices: weak predicts nothing' in text
    assert '+1.0 points over weak' in text


def test_labels_of_another_machine(tmp_path, imagery, runs):  # noqa: F811
    (tmp_path / 'a_label.tif').unlink()
    text = text_of(write_report(runs, tmp_path / 'page.html', report=str))
    assert 'the labels of the test set cannot be read here, so no map is compared with the truth' in text
    assert 'least sure: a_image.tif' in text and 'Which classes are confused' not in text


def test_a_target_without_labels(tmp_path, imagery, runs):  # noqa: F811
    (tmp_path / 'labels').mkdir()
    for run in runs:
        config = next(run.glob('seed0/config/*.py'))
        config.write_text(config.read_text() + "\nval_dataloader['dataset']['labelled'] = False\n")
    text = text_of(write_report(runs, tmp_path / 'page.html', report=str))
    assert 'Windows that the model is most and least sure of' in text and 'least sure: a_image.tif' in text
    assert 'truth: mIoU' not in text and 'By the labels' not in text and 'Which classes are confused' not in text
    assert 'Use strong: it is the best by information maximisation' in text


def test_labels_of_the_target_have_no_say(tmp_path, imagery, runs):  # noqa: F811
    """The choice is the same whatever the labels say."""
    import rasterio

    answer = re.compile(r'(Use|Do not adapt)[^.]*\.')
    first = answer.search(text_of(write_report(runs, tmp_path / 'page.html', report=str)))[0]
    with rasterio.open(tmp_path / 'a_label.tif', 'r+') as raster:
        raster.write(1 - raster.read())
    text = text_of(write_report(runs, tmp_path / 'other.html', report=str))
    assert answer.search(text)[0] == first


def test_without_predictions(runs, tmp_path):
    text = text_of(write_report(runs, tmp_path / 'page.html', predictions=False, report=str))
    assert 'no run was asked to predict' in text and 'Two maps' not in text and '+1.0 points over weak' in text


def test_texts_are_escaped(tmp_path):
    run = write_run(tmp_path / 'a<b>&', selection='<script>alert(1)</script>')
    html = write_report([run], tmp_path / 'page.html', report=str).read_text(encoding='utf-8')
    assert '<script>alert' not in html and 'a&lt;b&gt;&amp;' in html


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (dict(out='page.pdf'), 'page.pdf is no name of a page; give one that ends in .html'),
        (dict(unadapted='hope'), '--unadapted hope is none of the methods weak, strong'),
        (dict(folders=['nowhere']), 'nowhere is no folder'),
    ],
)
def test_wrong_arguments(runs, tmp_path, change, message, monkeypatch):
    monkeypatch.chdir(tmp_path)
    arguments = dict(folders=[run / 'seed0' for run in runs], out='page.html', predictions=False) | change
    with pytest.raises(UserError, match=re.escape(message)):
        write_report(**arguments, report=str)
    assert not list(tmp_path.glob('page.*')) and not list(tmp_path.glob('.page*'))


def test_a_missing_template_engine_is_told_before_the_work(runs, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, 'jinja2', None)
    with pytest.raises(UserError, match=re.escape("python -m pip install '.[report]'")):
        write_report(runs, tmp_path / 'page.html')
    assert page_module.INSTALL.endswith("'.[report]'")


def test_the_tool(runs, tmp_path, monkeypatch, capsys):
    page = tmp_path / 'page.html'
    monkeypatch.setattr(sys, 'argv', ['report.py', str(tmp_path / 'out'), '--out', str(page), '--no-predictions'])
    runpy.run_path(str(ROOT / 'tools' / 'report.py'), run_name='__main__')
    assert page.is_file() and '2 runs' in capsys.readouterr().out
