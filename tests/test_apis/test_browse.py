"""What a training sees: crops at one ground scale, class shares, colours, and what looks wrong."""

import numpy as np
import pytest
from matplotlib.image import imread

from mmuda.apis import UserError, browse, load_config
from mmuda.apis.label_shift import label_shift
from mmuda.synthetic import SyntheticDataset
from mmuda.visualization import at_ground_scale, draw_scale_bar, mark_missing, overlay_labels
from tests.test_apis.test_new_config_of_rasters import configured, places, write

__all__ = ['places']


def look(arguments, tmp_path, **options):
    cfg, *_ = configured(arguments, method='source_only', classes=('ground', 'roof'))
    return browse(cfg, tmp_path / 'seen', report=lambda _: None, **options)


def test_shares_and_colours_are_those_of_the_crops(places, tmp_path, monkeypatch):
    seen = []
    original = np.bincount
    arguments = places(gsds=(0.5, 0.5), sizes=(320, 320))
    cfg, *_ = configured(arguments, method='source_only', classes=('ground', 'roof'))
    from mmuda.apis import browse as function
    from mmuda.apis.browse import Stream

    add = Stream.add

    def watched(self, sample, show):
        seen.append((self.report.name, sample))
        add(self, sample, show)

    monkeypatch.setattr(Stream, 'add', watched)
    answer = function(cfg, tmp_path / 'seen', samples=5, number=2, report=lambda _: None)
    for stream in answer.streams:
        mine = [sample for name, sample in seen if name == stream.report.name]
        assert len(mine) == 5
        images = np.concatenate([sample['inputs'].numpy().reshape(3, -1) for sample in mine], axis=1).astype(np.float64)
        if mine[0]['data_samples'].metainfo['channel_order'] == 'BGR':
            images = images[::-1]
        np.testing.assert_allclose([mean for mean, _ in stream.colours], images.mean(axis=1))
        np.testing.assert_allclose([deviation for _, deviation in stream.colours], images.std(axis=1))
    labels = np.concatenate([s['data_samples'].gt_sem_seg.data.numpy().ravel() for n, s in seen if n == 'source'])
    shares = 100 * original(labels, minlength=2) / len(labels)
    text = (tmp_path / 'seen' / 'report.md').read_text()
    assert f' {shares[0]:.1f} ' in text and f' {shares[1]:.1f} ' in text
    assert imread(tmp_path / 'seen' / 'samples.png').ndim == imread(tmp_path / 'seen' / 'colours.png').ndim == 3


def test_the_same_seed_gives_the_same_files(places, tmp_path):
    arguments, files = places(), []
    cfg, *_ = configured(arguments, method='source_only')
    for number in range(2):
        browse(cfg, tmp_path / str(number), samples=3, report=lambda _: None)
        names = ('samples.png', 'colours.png', 'report.md')
        files.append([(tmp_path / str(number) / name).read_bytes() for name in names])
    assert files[0] == files[1]


def test_images_are_drawn_at_one_scale():
    image = np.zeros((20, 40, 3), np.uint8)
    drawn = at_ground_scale(image, pixel=0.5, canvas_pixel=0.1, side=220)
    dark = (drawn == 0).all(axis=-1)
    assert dark.sum() == 100 * 200 and dark.any(axis=1).sum() == 100
    assert (at_ground_scale(image, pixel=0.1, canvas_pixel=0.5, side=8) == 0).all(axis=-1).sum() == 4 * 8


@pytest.mark.parametrize(('pixel', 'length'), [(0.1, 5.0), (0.3, 10.0), (1.0, 50.0), (0.02, 1.0)])
def test_the_scale_bar_has_its_length(pixel, length):
    image = np.full((100, 250, 3), 128, np.uint8)
    assert draw_scale_bar(image, pixel) == length
    black = (image == 0).all(axis=-1)
    assert black.any(axis=0).sum() == round(length / pixel)


def test_labels_lie_over_the_image_and_missing_data_are_marked():
    image = np.full((8, 8, 3), 100, np.uint8)
    label = np.zeros((8, 8), np.uint8)
    label[4:] = 255
    laid = overlay_labels(image, label, [[200, 0, 0]])
    assert laid[0, 0].tolist() == [150, 50, 50] and laid[7, 7].tolist() == [50, 50, 50]
    marked = mark_missing(image, label == 255)
    assert (marked[:4] == 100).all() and 0 < (marked[4:] != 100).any(axis=-1).mean() < 1


def test_nothing_looks_wrong_where_nothing_is(places, tmp_path):
    assert look(places(), tmp_path, samples=8).warnings == []


def test_labels_of_one_class_and_empty_crops(places, tmp_path):
    arguments = places()
    label = np.zeros((1, 320, 320), np.uint8)
    label[:, -1, -1] = 1
    write(tmp_path / 'ours' / 'labels' / 'a.tif', label)
    image = np.zeros((3, 640, 640), np.uint8)
    image[:, ::4] = 9 + np.arange(160)[:, None]
    write(tmp_path / 'theirs' / 'images' / 'a.tif', image, gsd=0.25, nodata=0)
    # The label is looked at in windows, which may miss a single pixel.
    cfg, *_ = configured(arguments, method='source_only', classes=('ground', 'roof'))
    told = '\n'.join(browse(cfg, tmp_path / 'seen', samples=6, report=lambda _: None).warnings)
    assert 'source: each of 6 labels holds one class alone' in told
    assert 'source: not one pixel of roof in 6 samples' in told
    assert 'target: 6 of 6 crops are mostly without data' in told


def test_streams_that_differ_in_bands_or_ground(places, tmp_path):
    arguments = places()
    cfg, text, _ = configured(arguments, method='source_only')
    changed = arguments['out'].with_name('changed.py')
    changed.write_text(text.replace('target=dict(target, part', 'target=dict(target, bands=(1, 2), part'))
    (warning,) = browse(load_config(changed), tmp_path / 'seen', samples=2, report=lambda _: None).warnings
    assert 'the streams differ in their number of bands (source 3, target 2)' in warning
    changed.write_text(
        text + 'half = [dict(crop, extent=extent / 2), load, resample, pack]\n'
        "train_dataloader['dataset']['target']['pipeline'] = half\n"
    )
    (warning,) = browse(load_config(changed), tmp_path / 'seen', samples=2, report=lambda _: None).warnings
    assert 'cover' in warning and 'give both the same ground extent' in warning


def synthetic_windows(rows, cols, number=24):
    """Windows of the source imagery, with the label moved by so many pixels."""
    data = SyntheticDataset(domain='source', split='train', pipeline=[dict(type='LoadRasterWindow')])
    rng, found = np.random.default_rng(0), []
    for index in range(number):
        item = data[index % len(data)]
        image, label = item['img'], item['gt_seg_map']
        top, left = (int(rng.integers(10, side - 110)) for side in label.shape)
        part = label[top - rows : top - rows + 100, left - cols : left - cols + 100]
        found.append((image[top : top + 100, left : left + 100], part, np.ones((100, 100), bool)))
    return found


@pytest.mark.parametrize('moved', [(4, 0), (-3, 5), (0, -6)])
def test_labels_beside_their_images_are_found(moved):
    shift = label_shift(synthetic_windows(*moved))
    assert (shift.rows, shift.columns) == (-moved[0], -moved[1])
    assert shift.after > shift.before


def test_labels_in_their_place_or_without_edges_give_no_alarm():
    assert label_shift(synthetic_windows(0, 0)) is None
    rng = np.random.default_rng(0)
    size, valid = (100, 100), np.ones((100, 100), bool)
    noise = [(rng.integers(0, 256, (*size, 3)), rng.integers(0, 2, size), valid) for _ in range(20)]
    assert label_shift(noise) is None
    assert label_shift([]) is None


def test_streams_that_differ_in_scale(places, tmp_path):
    cfg, text, _ = configured(places(gsds=(0.5, 0.5), sizes=(320, 320)), method='source_only')
    coarse = "coarse = [crop, load, dict(type='ResampleToGSD', gsd=2 * gsd, label=True), pack]\n"
    changed = tmp_path / 'changed.py'
    changed.write_text(text + coarse + "train_dataloader['dataset']['target']['pipeline'] = coarse\n")
    (warning,) = browse(load_config(changed), tmp_path / 'seen', samples=2, report=lambda _: None).warnings
    assert warning.startswith('source is seen at 0.5 m per pixel and target at 1 m; put ResampleToGSD')


def test_a_difference_in_scale_may_be_meant(tmp_path):
    cfg = load_config('configs/srda/srda_resaspp_synthetic.py')
    found = browse(cfg, tmp_path / 'seen', samples=2, number=1, report=lambda _: None)
    assert not [warning for warning in found.warnings if 'is seen at' in warning]


def test_a_config_without_training_data(places, tmp_path):
    cfg, *_ = configured(places(), method='source_only')
    cfg.train_dataloader = None
    with pytest.raises(UserError, match='has no train_dataloader; give a config that trains'):
        browse(cfg, tmp_path / 'seen')
    assert not (tmp_path / 'seen').exists()
