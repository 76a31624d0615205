"""Self-training as a stage: pseudo labels of the whole target, their thresholds, and resume."""

import json

import numpy as np
import pytest
import rasterio
import torch

from mmuda.engine.runner.pseudo_labels import LEVELS, ThresholdRule, describe, fingerprint
from mmuda.testing import differences
from mmuda.testing.toy import CLASSES
from mmuda.utils.errors import UserError
from tests.helpers.pseudo_labels import NAMES, SHAPE, TILE, draw_images, labels_of, self_training
from tests.helpers.toy import KilledError, KillHook, build_runner, state_of


@pytest.fixture(scope='module')
def images(tmp_path_factory):
    return draw_images(tmp_path_factory.mktemp('target'))


def test_labels_are_the_confident_predictions_on_the_images_own_grid(images, tmp_path):
    runner = build_runner(self_training(images, dict(kind='portion', portion=0.3)), tmp_path, save_at=3)
    runner.train()
    before = build_runner(self_training(images), tmp_path / 'before', load_from=str(tmp_path / 'iter_3.pth'))
    before.load_or_resume()
    model = before.model.eval()
    probabilities = {}
    for name in NAMES:  # each tile by itself, as its border has no neighbours
        with rasterio.open(images / f'{name}.tif') as file:
            image = (torch.from_numpy(file.read()).float() - 127.5) / 127.5
        prob = torch.zeros(CLASSES, *SHAPE)
        for y in range(0, SHAPE[0], TILE):
            for x in range(0, SHAPE[1], TILE):
                part = image[None, :, y : y + TILE, x : x + TILE]
                with torch.no_grad():
                    logits = model.segmentor.decode_head(model.segmentor.backbone(part))[0]
                prob[:, y : y + TILE, x : x + TILE] = logits.softmax(0)
        probabilities[name] = prob
    confidence, label = torch.cat([p.flatten(1) for p in probabilities.values()], dim=1).max(0)
    report = json.loads((tmp_path / 'pseudo_labels' / 'again' / 'pseudo_labels.json').read_text())
    written = labels_of(tmp_path)
    found = np.concatenate([written[name][0].ravel() for name in NAMES])
    for k, name in enumerate(('low', 'middle', 'high')):
        own = confidence[label == k].numpy()
        if not len(own):
            continue
        threshold = np.sort(own)[::-1][int(np.ceil(0.3 * len(own))) - 1]
        assert report['classes'][name]['threshold'] == pytest.approx(threshold, abs=5e-5)
        sure = (label.numpy() == k) & (confidence.numpy() > threshold + 5e-5)
        unsure = (label.numpy() == k) & (confidence.numpy() < threshold - 5e-5)
        assert (found[sure] == k).all() and (found[unsure] == 255).all()
        assert report['classes'][name]['kept'] == pytest.approx(np.mean(found[label.numpy() == k] == k), abs=1e-4)
    assert (found != 255).any() and (found == 255).any()
    with rasterio.open(images / 'a.tif') as file:
        assert written['a'][1:] == (file.transform, file.crs)
    assert not list((tmp_path / 'pseudo_labels').glob('.*'))


def test_a_killed_self_training_resumes_with_the_same_labels(images, tmp_path):
    whole = build_runner(self_training(images), tmp_path / 'whole')
    whole.train()
    for at, save in ((2, 2), (3, 3), (5, 5), (5, 2)):  # the last one: labels are there, the checkpoint is older
        folder = tmp_path / f'killed_{at}_{save}'
        with pytest.raises(KilledError):
            build_runner(self_training(images), folder, (KillHook(at),), save_at=save).train()
        resumed = build_runner(self_training(images), folder, resume=True)
        resumed.train()
        assert differences(state_of(whole), state_of(resumed)) == []
        for name, (label, *_) in labels_of(folder).items():
            np.testing.assert_array_equal(label, labels_of(tmp_path / 'whole')[name][0])


def test_labels_of_another_run_are_replaced_and_the_same_ones_reused(images, tmp_path):
    build_runner(self_training(images), tmp_path, save_at=3).train()
    report = tmp_path / 'pseudo_labels' / 'again' / 'pseudo_labels.json'
    first = report.stat().st_mtime_ns
    resumed = build_runner(
        self_training(images), tmp_path, resume=True, load_from=str(tmp_path / 'iter_3.pth')
    )  # exactly at the stage's start
    resumed.train()
    assert report.stat().st_mtime_ns == first
    build_runner(self_training(images), tmp_path, randomness=dict(seed=8)).train()
    assert report.stat().st_mtime_ns > first


def test_labels_that_are_gone_in_the_middle_of_a_stage_are_told(images, tmp_path):
    with pytest.raises(KilledError):
        build_runner(self_training(images), tmp_path, (KillHook(5),), save_at=5).train()
    other = build_runner(self_training(images, dict(kind='fixed')), tmp_path, resume=True)
    with pytest.raises(UserError, match=r"labels of stage 'again' in .* were made with the threshold .*'median'"):
        other.train()
    (tmp_path / 'pseudo_labels' / 'again' / 'pseudo_labels.json').unlink()
    with pytest.raises(UserError, match='are missing; they cannot be made again in the middle of the stage'):
        build_runner(self_training(images), tmp_path, resume=True).train()


def test_thresholds_by_rule():
    rng = np.random.RandomState(0)
    levels = [rng.randint(0, LEVELS, size) for size in (1000, 37)]
    histogram = np.stack([np.bincount(one, minlength=LEVELS) for one in levels] + [np.zeros(LEVELS, dtype=int)])
    cap = round(0.6 * (LEVELS - 1))
    for rule, expected in (
        (ThresholdRule('fixed', cap=0.6), [cap, cap, cap]),
        # The median from above: half of the pixels, rounded up, lie at it or above.
        (
            ThresholdRule('median', cap=0.6),
            [min(np.sort(one)[::-1][-(-len(one) // 2) - 1], cap) for one in levels] + [cap],
        ),
        (
            ThresholdRule('portion', cap=0.6, portion=0.1),
            [np.sort(levels[0])[::-1][99], np.sort(levels[1])[::-1][3], cap],
        ),
    ):
        assert rule.levels(histogram).tolist() == expected, rule
    report = describe(histogram, ThresholdRule('portion', portion=0.1).levels(histogram), ('a', 'b', 'c'))
    assert report['a']['kept'] == pytest.approx(0.1, abs=0.002)
    assert report['c'] == dict(threshold=pytest.approx(0.9, abs=1e-4), pixels=0, kept=0.0)
    with pytest.raises(ValueError, match="kind='mean' is not known"):
        ThresholdRule('mean')
    with pytest.raises(ValueError, match=r'portion=0 must lie in \(0, 1\]'):
        ThresholdRule('portion', portion=0)


def test_what_a_stage_may_not_say(images, tmp_path):
    cfg = self_training(images)
    cfg['train_cfg']['stages'] = cfg['train_cfg']['stages'][1:]
    with pytest.raises(ValueError, match="Stage 'again' is the first and asks for pseudo labels"):
        build_runner(cfg, tmp_path).train()
    cfg = self_training(images)
    cfg['train_cfg']['stages'][1]['pseudo_labels'] = dict(loader={})
    with pytest.raises(ValueError, match=r"pseudo_labels has the keys \['loader'\]; it needs 'dataloader'"):
        build_runner(cfg, tmp_path).train()


def test_the_fingerprint_sees_a_bit():
    layer = torch.nn.Linear(3, 2)
    before = fingerprint(layer)
    assert fingerprint(layer) == before
    layer.weight.data[0, 0] = torch.nextafter(layer.weight.data[0, 0], torch.tensor(9.0))
    assert fingerprint(layer) != before


def test_images_that_would_have_one_label_are_refused_before_they_are_predicted(tmp_path):
    images = draw_images(tmp_path / 'images')
    profile = dict(driver='PNG', height=SHAPE[0], width=SHAPE[1], count=3, dtype='uint8')
    with rasterio.open(images / 'a.tif') as file, rasterio.open(images / 'a.png', 'w', **profile) as copy:
        copy.write(file.read())
    cfg = self_training(images)
    cfg['train_cfg']['stages'][1]['pseudo_labels']['dataloader']['dataset'].update(img_suffix=('.tif', '.png'), gsd=0.3)
    runner = build_runner(cfg, tmp_path / 'run')
    with pytest.raises(UserError, match=r'a\.png and .*a\.tif would both be written to .*again/a\.tif'):
        runner.train()


def test_pixels_without_data_are_neither_labelled_nor_counted(tmp_path):
    """However low the threshold; and what is counted decides the thresholds of the others."""
    images, missing = draw_images(tmp_path / 'target'), {}
    for name in NAMES:
        with rasterio.open(images / f'{name}.tif') as file:
            values, profile = file.read().clip(1), file.profile
        missing[name] = np.random.RandomState(len(name)).rand(*SHAPE) > 0.6
        values[:, missing[name]] = 0
        with rasterio.open(images / f'{name}.tif', 'w', **{**profile, 'nodata': 0}) as file:
            file.write(values)
    build_runner(self_training(images, dict(kind='fixed', cap=0.01)), tmp_path / 'run').train()
    for name, (label, _, _) in labels_of(tmp_path / 'run').items():
        np.testing.assert_array_equal(label == 255, missing[name])
    report = json.loads((tmp_path / 'run' / 'pseudo_labels' / 'again' / 'pseudo_labels.json').read_text())
    counted = sum(one['pixels'] for one in report['classes'].values())
    assert counted == sum((~one).sum() for one in missing.values())
