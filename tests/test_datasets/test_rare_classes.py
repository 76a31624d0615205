"""Rare-class sampling against the procedure of DAFormer's released code."""

import numpy as np
import pytest
import torch
from mmengine.dataset import pseudo_collate
from torch.utils.data import DataLoader

from mmuda.datasets import DrawSampler, RasterDataset, UDADataset
from mmuda.datasets import rare_classes as module
from mmuda.datasets.class_counts import ClassCounts
from mmuda.datasets.class_counts import class_counts as count
from mmuda.datasets.rare_classes import RareClassSampling, class_probabilities
from mmuda.utils.errors import UserError
from mmuda.utils.seeds import seeded
from tests.helpers.towns import LOAD, PACK, blocks, crop


def label_of(sample):
    return sample['data_samples'].gt_sem_seg.data[0].numpy()


def test_probabilities_equal_the_formula():
    pixels = torch.tensor([900.0, 0.0, 90.0, 10.0])
    occurs = pixels[pixels > 0]
    expected = torch.softmax((1 - occurs / occurs.sum()) / 0.05, dim=0)
    found = class_probabilities((pixels / pixels.sum()).numpy(), temperature=0.05)
    np.testing.assert_allclose(found[[0, 2, 3]], expected.numpy(), rtol=1e-5)
    assert found[1] == 0 and found.sum() == pytest.approx(1)
    assert class_probabilities(np.array([0.999, 0.001]), temperature=1e-4).tolist() == [0.0, 1.0]


def released(labels, temperature, min_pixels):
    """Probability of each image in the released code, whose images are as large as its crops."""
    totals = {c: sum((label == c).sum() for label in labels.values()) for c in range(3)}
    frequency = torch.tensor([float(totals[c]) for c in totals])
    by_class = torch.softmax((1 - frequency / frequency.sum()) / temperature, dim=0).tolist()
    found = dict.fromkeys(labels, 0.0)
    for c, probability in enumerate(by_class):
        with_class = [name for name, label in labels.items() if (label == c).sum() > min_pixels]
        for name in with_class:
            found[name] += probability / len(with_class)
    return found


def test_images_of_the_crops_size_are_drawn_as_by_the_released_code(towns):
    labels = dict(
        a=blocks((20, 20), roof=(0, 0, 10, 10)),
        b=blocks((20, 20), roof=(0, 0, 10, 20), car=(15, 0, 2, 2)),
        c=blocks((20, 20), car=(0, 0, 4, 4)),
        d=blocks((20, 20), car=(0, 0, 5, 5)),
    )
    dataset = RasterDataset(**towns(labels), pipeline=crop(20))
    sampling = RareClassSampling(dataset, temperature=0.3, min_pixels=10, min_crop_ratio=0.5)
    with seeded(3):
        drawn = [sampling()['data_samples'].metainfo['img_path'][-5] for _ in range(3000)]
    for name, probability in released(labels, 0.3, 10).items():
        deviation = (probability * (1 - probability) / 3000) ** 0.5
        assert abs(drawn.count(name) / 3000 - probability) < 4 * deviation, name


def test_crops_of_a_large_raster_hold_enough_of_a_rare_class(towns):
    label = blocks((300, 400), roof=(100, 100, 60, 60), car=(210, 317, 6, 6))
    dataset = RasterDataset(**towns(dict(a=label)), pipeline=crop(32))
    sampling = RareClassSampling(dataset, temperature=0.01, min_pixels=20, min_crop_ratio=0.5)
    assert sampling.probabilities[2] > 0.9
    with seeded(0):
        found = [label_of(sampling()) for _ in range(200)]
    cars = np.array([(one == 2).sum() for one in found])
    assert (cars > 10).mean() > 0.9  # a random crop holds some in one of 70 draws
    places = {tuple(np.argwhere(one == 2)[0]) for one in found if (one == 2).any()}
    assert len(places) > 100


def test_the_centre_of_a_crop_lies_in_the_cell_and_every_place_is_reached(towns):
    label = blocks((64, 64), car=(32, 0, 16, 16))
    dataset = RasterDataset(**towns(dict(a=label)), pipeline=crop(16))
    sampling = RareClassSampling(dataset, temperature=0.001, min_pixels=20, min_crop_ratio=0.001)
    with seeded(0):
        windows = {sampling()['data_samples'].metainfo['window'][:2] for _ in range(1500)}
    # The cell has the rows 32..47 and the columns 0..15; the centre of a window is its pixel (8, 8).
    assert windows == {(row - 8, col - 8) for row in range(32, 48) for col in range(8, 16)}


def test_without_a_crop_that_holds_enough_the_pixels_decide(towns):
    label = blocks((40, 20), roof=(0, 0, 20, 20), car=(25, 5, 1, 3))
    label[10, 10] = 2
    dataset = RasterDataset(**towns(dict(a=label)), pipeline=crop(20))
    sampling = RareClassSampling(dataset, temperature=0.01, min_pixels=100, tries=0)
    with seeded(1):
        cells = [sampling._draw_cell(2) for _ in range(1000)]
    assert np.mean(cells) == pytest.approx(0.75, abs=0.05)


def counting(dataset):
    """The images of the samples that a dataset has loaded so far."""
    taken = []

    def run(info, pipeline=dataset.pipeline):
        taken.append(info['img_path'])
        return pipeline(info)

    run.transforms = dataset.pipeline.transforms
    dataset.pipeline = run
    return taken


@pytest.mark.parametrize(('tries', 'ratio', 'expected'), [(10, 0.5, 11), (3, 0.5, 4), (10, 0.0, 1)])
def test_crops_are_redrawn_as_often_as_by_the_released_code(towns, tries, ratio, expected):
    """The rule cannot be met: an image that is read whole holds enough, and no crop does."""
    arguments = towns(dict(a=blocks((50, 50), car=(0, 0, 50, 2))))
    dataset = RasterDataset(**arguments, pipeline=[LOAD, dict(type='RandomGroundCrop', size=2), PACK])
    taken = counting(dataset)
    sampling = RareClassSampling(dataset, temperature=1e-3, min_pixels=80, min_crop_ratio=ratio, tries=tries)
    assert len(sampling.counts.cells) == 1
    sampling()
    assert len(taken) == expected


def test_pixels_of_a_resampled_label_count_by_area(towns):
    arguments = towns(dict(a=blocks((40, 40), car=(0, 0, 8, 8))))
    steps = [LOAD, dict(type='ResampleToGSD', gsd=4.0, label=True), PACK]
    dataset = RasterDataset(**arguments, pipeline=steps)
    taken = counting(dataset)
    sampling = RareClassSampling(dataset, temperature=1e-3, min_pixels=60, min_crop_ratio=1.0)
    assert (label_of(sampling()) == 2).sum() == 4  # 64 px of the raster
    assert len(taken) == 1


def streams(arguments, **kwargs):
    unlabelled = dict(arguments, type='RasterDataset', labelled=False, pipeline=crop(16))
    source = dict(arguments, type='RasterDataset', pipeline=crop(16))
    return UDADataset(source=source, target=unlabelled, **kwargs)


RARE = dict(temperature=0.1, min_pixels=5)


def test_samples_depend_on_neither_workers_nor_a_resumption(two_sizes):
    _, arguments = two_sizes
    dataset = streams(arguments, rare_classes=RARE)

    def trace(num_workers, skip):
        sampler = DrawSampler(dataset, seed=4)
        if skip:
            sampler.skip(skip)
        loader = DataLoader(dataset, batch_size=2, sampler=sampler, num_workers=num_workers, collate_fn=pseudo_collate)
        samples = []
        for batch in loader:
            samples += [one.metainfo['window'] for one in batch['source']['data_samples']]
            if len(samples) + skip >= 16:
                return samples

    whole = trace(0, 0)
    assert whole == trace(2, 0)
    assert whole[8:] == trace(0, 8)
    assert len(set(whole)) > 8


def test_the_other_streams_keep_their_samples(two_sizes):
    _, arguments = two_sizes
    plain, rare = streams(arguments), streams(arguments, rare_classes=RARE)
    indices = [index for index, _ in zip(iter(DrawSampler(plain, seed=0)), range(8), strict=False)]
    for index in indices:
        assert torch.equal(plain[index]['target']['inputs'], rare[index]['target']['inputs'])
    assert any(not torch.equal(plain[i]['source']['inputs'], rare[i]['source']['inputs']) for i in indices)


def test_what_cannot_be_drawn_by_class_is_refused(towns, two_sizes, monkeypatch, tmp_path):
    _, arguments = two_sizes
    for settings, message in (
        (dict(rare_classes=dict(temperature=0)), 'RareClassSampling: temperature=0; give a number above 0'),
        (dict(rare_classes=dict(temprature=1)), 'rare_classes of the config refuses its arguments.*temprature'),
        (dict(rare_classes=RARE, pairing='random_once'), 'leave out rare_classes, or set pairing'),
    ):
        with pytest.raises(UserError, match=message):
            streams(arguments, **settings)
    with pytest.raises(UserError, match='the source is a list; give a RasterDataset'):
        RareClassSampling([1, 2])
    unlabelled = RasterDataset(**arguments, labelled=False, pipeline=crop(16))
    with pytest.raises(UserError, match='has no label for .*large.tif'):
        RareClassSampling(unlabelled)
    blind = [crop(16)[0], dict(type='LoadRasterWindow', with_label=False), PACK]
    with pytest.raises(UserError, match='has no label, which rare_classes needs'):
        RareClassSampling(RasterDataset(**arguments, pipeline=blind), min_pixels=5)()
    nothing = ClassCounts(np.zeros(1, int), np.zeros((1, 4), int), np.zeros((1, 3), int))
    monkeypatch.setattr(module, 'class_counts', lambda dataset: nothing)
    with pytest.raises(UserError, match='has no labelled pixel'):
        RareClassSampling(RasterDataset(**arguments, pipeline=crop(16)))
    (tmp_path / 'file').write_text('')
    monkeypatch.setenv('MMUDA_CACHE_DIR', str(tmp_path / 'file' / 'below'))
    with pytest.raises(UserError, match='cannot be kept in .*MMUDA_CACHE_DIR'):
        count(RasterDataset(**arguments, pipeline=crop(17)))
