"""Choosing without labels: what is said of predictions whose quality is known."""

import json
import math
import runpy
import shutil
import sys

import pytest
import torch

from mmuda.apis import Candidate, UserError, choose, judge, load_config
from mmuda.apis.candidates import BLOCKS, Predictions, TargetWindows
from mmuda.evaluation import criteria
from tests.helpers import ROOT
from tests.helpers.two_models import imagery  # noqa: F401  (a fixture)

CLASSES = 3


def predictions(quality, seed, blocks=64, per_block=20, confidence=4.0):
    """Predictions of which a share ``quality`` is right; truth and errors differ by block, as in real imagery."""
    generator = torch.Generator().manual_seed(7)
    block = torch.arange(blocks).repeat_interleave(per_block)
    truth = torch.randint(CLASSES, (blocks,), generator=generator)[block]
    noise = torch.Generator().manual_seed(seed)
    right = torch.rand(len(block), generator=noise) < quality
    label = torch.where(right, truth, torch.randint(CLASSES, (len(block),), generator=noise))
    prob = (confidence * quality * torch.nn.functional.one_hot(label, CLASSES)).softmax(dim=1)
    return Predictions(prob, label, label, block)


def test_the_better_model_is_chosen_and_surely():
    verdict = judge(dict(plain=[predictions(0.5, 1)], adapted=[predictions(0.9, 2)]), 'plain')
    assert (verdict.best, verdict.chosen, verdict.adapt) == ('adapted', 'adapted', True)
    plain, adapted = verdict.candidates
    assert adapted.sure['information_maximisation'] == 1.0 and not plain.sure
    assert 'Use adapted: it is the best by information_maximisation (it beats plain in 100 %' in str(verdict)


def test_a_worse_model_is_not_chosen():
    verdict = judge(dict(plain=[predictions(0.9, 1)], adapted=[predictions(0.5, 2)]), 'plain')
    assert verdict.chosen == 'plain' and not verdict.adapt
    assert 'Do not adapt: by information_maximisation no model is better than plain.' in str(verdict)


def test_a_gain_within_chance_is_no_reason_to_adapt():
    found = {}
    for seed in range(20):  # two models of one quality: whichever is ahead, it is so by chance
        runs = dict(plain=[predictions(0.7, 100 + seed)], adapted=[predictions(0.7, 200 + seed)])
        found[seed] = judge(runs, 'plain')
    ahead = [verdict for verdict in found.values() if verdict.best == 'adapted']
    assert ahead and sum(verdict.adapt for verdict in ahead) <= 4
    unsure = next(verdict for verdict in ahead if not verdict.adapt)
    assert 'adapted is the best by information_maximisation, but not surely better' in str(unsure)


def test_an_adaptation_that_usually_helps_is_left_out_only_surely():
    runs = dict(plain=[predictions(0.7, 100)], adapted=[predictions(0.7, 200)])
    for plain, adapted in ((0.7, 0.7), (0.5, 0.9), (0.9, 0.5)):
        runs = dict(plain=[predictions(plain, 100)], adapted=[predictions(adapted, 200)])
        verdict = judge(runs, 'plain', in_doubt='adapted')
        assert verdict.adapt == (plain <= adapted)
        assert not verdict.candidates[1].sure and 'information_maximisation' in verdict.candidates[0].sure
    assert 'Do not adapt: plain is the best by information_maximisation (it beats adapted in 100 %' in str(verdict)
    # A third model has to beat it surely, too.
    runs |= dict(plain=[predictions(0.5, 1)], adapted=[predictions(0.6, 2)], trained=[predictions(0.9, 3)])
    verdict = judge(runs, 'plain', in_doubt='adapted')
    assert verdict.chosen == 'trained' and 'Use trained: it is the best' in str(verdict)


def test_lower_entropy_is_better():
    runs = dict(plain=[predictions(0.5, 1)], adapted=[predictions(0.9, 2)])
    assert judge(runs, 'plain', 'entropy').chosen == 'adapted'


def test_scores_are_those_of_the_definitions():
    runs = dict(plain=[predictions(0.5, 1), predictions(0.5, 5)], adapted=[predictions(0.9, 2)])
    one, other = runs['plain'][0], runs['adapted'][0]
    scores = judge(runs, 'plain').candidates[0].scores
    assert scores['entropy'] == pytest.approx(criteria.entropy(one.prob))
    assert scores['information_maximisation'] == pytest.approx(criteria.information_maximisation(one.prob))
    ensemble = ((one.prob + other.prob) / 2).argmax(dim=1)
    counts = criteria.confusion(one.label, ensemble, CLASSES)
    assert scores['ensemble_agreement'] == pytest.approx(criteria.agreement(counts).item())
    between = criteria.agreement(criteria.confusion(one.label, runs['plain'][1].label, CLASSES)).item()
    assert scores['seed_agreement'] == pytest.approx(between)
    assert math.isnan(judge(runs, 'plain').candidates[1].scores['seed_agreement'])


def test_blocks_are_drawn_not_pixels():
    """Where all pixels of a block err together, the choice is much less sure than the number of pixels suggests."""
    few = judge(dict(plain=[predictions(0.7, 1, 6, 400)], adapted=[predictions(0.72, 2, 6, 400)]), 'plain')
    assert few.windows == 1
    assert 0.0 < few.candidates[1].sure['information_maximisation'] < 1.0


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (dict(candidates=['a=b:c']), '1 models were given'),
        (dict(candidates=['a=b:c', 'a=b:d']), 'of different names'),
        (dict(candidates=['a=b:c', 'b=b']), 'b=b is not NAME=CONFIG:CHECKPOINT'),
        (dict(unadapted='z'), "unadapted='z' is none of the models a, b"),
        (dict(criterion='hope'), "criterion='hope' is unknown; choose one of entropy, information"),
    ],
)
def test_wrong_arguments(change, message):
    with pytest.raises(UserError, match=message):
        choose(**{**dict(candidates=['a=b:c', 'b=b:d']), **change})


def test_a_criterion_that_is_unknown_for_a_model_is_refused():
    runs = dict(plain=[predictions(0.5, 1)], adapted=[predictions(0.9, 2)])
    with pytest.raises(UserError, match='seed_agreement cannot be computed for plain, adapted'):
        judge(runs, 'plain', 'seed_agreement')
    with pytest.raises(UserError, match="criterion='transfer_score' cannot say how sure it is; choose one of entropy"):
        choose(['a=b:c', 'b=b:d'], criterion='transfer_score')


def test_names_may_have_several_checkpoints():
    assert Candidate.parse('mic=a/b.py:c.pth,d.pth') == Candidate('mic', 'a/b.py', ('c.pth', 'd.pth'))


def test_predictions_are_those_of_the_model_at_the_drawn_pixels(imagery):  # noqa: F811
    cfg = load_config(imagery)
    found = TargetWindows(cfg, windows=10, pixels=50).predict(load_config(imagery), imagery.with_name('strong.pth'))
    assert found.prob.shape == (4 * 50, 2) and found.block.max() < 4 * BLOCKS**2
    assert torch.allclose(found.prob.sum(dim=1), torch.ones(200))
    # The last layer's features and weights give the same predictions: features and pixels belong together.
    logits = found.features @ found.classifier.T
    assert torch.equal(logits.argmax(dim=1), found.label)
    # A mirrored image gives other numbers through padding alone, so most classes stay.
    assert (found.flipped == found.label).float().mean() > 0.5
    assert found.source_correct.shape == (200,) and found.source_shares.sum() == 1
    again = TargetWindows(cfg, windows=10, pixels=50).predict(load_config(imagery), imagery.with_name('strong.pth'))
    assert torch.equal(again.prob, found.prob)


def test_models_that_are_tested_in_other_tiles_see_the_same_pixels(imagery):  # noqa: F811
    target = TargetWindows(load_config(imagery), windows=10, pixels=50)
    first = target.predict(load_config(imagery), imagery.with_name('strong.pth'))
    cfg = load_config(imagery)
    for loader in (cfg.val_dataloader, cfg.test_dataloader):
        loader.dataset.tile = 16
    assert torch.equal(target.predict(cfg, imagery.with_name('strong.pth')).prob, first.prob)


def test_models_of_other_images_are_refused(imagery, tmp_path):  # noqa: F811
    target = TargetWindows(load_config(imagery), windows=2, pixels=20)
    target.predict(load_config(imagery), imagery.with_name('weak.pth'))
    (tmp_path / 'other').mkdir()
    for kind in ('image', 'label'):
        shutil.copy(imagery.with_name(f'a_{kind}.tif'), tmp_path / 'other')
    cfg = load_config(imagery)
    for loader in (cfg.val_dataloader, cfg.test_dataloader):
        loader.dataset.data_root = str(tmp_path / 'other')
    with pytest.raises(UserError, match='test window 0 is .*other/a_image.tif.*; give all models one test set'):
        target.predict(cfg, imagery.with_name('weak.pth'))


def test_features_of_a_network_that_predicts_in_parts_are_none(imagery):  # noqa: F811
    cfg = load_config(imagery)
    cfg.model.segmentor.test_cfg = dict(mode='slide', crop_size=(16, 16), stride=(16, 16))
    found = TargetWindows(cfg, windows=2, pixels=20).predict(cfg, imagery.with_name('weak.pth'))
    assert found.features is None and found.source_features is None and found.source_correct is not None


def test_the_source_need_not_be_there(imagery):  # noqa: F811
    cfg = load_config(imagery)
    cfg.train_dataloader.dataset.source.data_root = '/nowhere'
    found = TargetWindows(cfg, windows=2, pixels=20).predict(cfg, imagery.with_name('weak.pth'))
    assert found.source_correct is None and found.features is not None


def test_labels_of_the_test_set_are_not_read(imagery):  # noqa: F811
    cfg = load_config(imagery)
    for loader in (cfg.val_dataloader, cfg.test_dataloader):
        loader.dataset.data_prefix = dict(img_path='')  # a folder of labels that is not there would be an error
    cfg.train_dataloader.dataset.source = None
    found = TargetWindows(cfg, windows=2, pixels=20).predict(cfg, imagery.with_name('strong.pth'))
    assert found.source_correct is None and len(found.prob) == 40


def test_the_tool_prints_the_answer_and_writes_it(imagery, monkeypatch, capsys):  # noqa: F811
    models = [f'{name}={imagery}:{imagery.with_name(name)}.pth' for name in ('weak', 'strong')]
    out = imagery.with_name('verdict.json')
    monkeypatch.setattr(sys, 'argv', ['choose.py', *models, '--windows', '4', '--out', str(out)])
    runpy.run_path(str(ROOT / 'tools' / 'choose.py'), run_name='__main__')
    printed = capsys.readouterr().out
    saved = json.loads(out.read_text())
    assert saved['best'] == 'strong' and saved['candidates']['strong']['sure']['entropy'] > 0.9
    assert 'by information_maximisation' in printed and '4 target windows' in printed
