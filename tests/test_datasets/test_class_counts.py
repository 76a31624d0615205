"""Counts of classes by place against plain counts of the files, and how they are kept."""

import multiprocessing
import os

import numpy as np

from mmuda.datasets import RasterDataset, class_counts, kept
from mmuda.datasets.class_counts import class_counts as count
from tests.helpers.towns import LOAD, PACK, blocks, crop


def test_counts_equal_a_plain_count_of_the_files(two_sizes):
    labels, arguments = two_sizes
    counts = count(RasterDataset(**arguments, pipeline=crop(20)))
    whole = np.concatenate([label.ravel() for label in labels.values()])
    expected = np.array([(whole == c).sum() for c in range(3)])
    np.testing.assert_array_equal(counts.pixels.sum(axis=0), expected)
    np.testing.assert_allclose(counts.shares, expected / (whole != 255).sum(), rtol=1e-12)
    # 70 x 100 px in crops of 20 px: 4 x 5 cells of 17 or 18 x 20 px; 20 x 33 px: 1 x 2 cells.
    assert len(counts.cells) == 4 * 5 + 2
    assert counts.cells[:, 2:].max() <= 20 and counts.cells[:, 2:].min() >= 16
    covered = {name: np.zeros(label.shape, int) for name, label in labels.items()}
    for item, (row, col, height, width), pixels in zip(counts.items, counts.cells, counts.pixels, strict=True):
        name = ('large', 'small')[int(item > 0)]  # the large raster has several items, but the first stands for all
        part = labels[name][row : row + height, col : col + width]
        assert pixels.tolist() == [(part == c).sum() for c in range(3)]
        covered[name][row : row + height, col : col + width] += 1
    assert all((one == 1).all() for one in covered.values())


def test_pixels_without_data_do_not_count(tmp_path, towns, write_raster, coded_image):
    arguments = towns(dict(a=blocks((10, 10), roof=(0, 0, 10, 4))))
    image = coded_image(10, 10) + 1
    image[:, :2] = 0
    write_raster(tmp_path / 'images' / 'a.tif', image, gsd=1.0, nodata=0)
    assert count(RasterDataset(**arguments, pipeline=[LOAD, PACK])).pixels.tolist() == [[60, 20, 0]]


def test_strips_give_the_same_counts(two_sizes, monkeypatch):
    _, arguments = two_sizes
    expected = count(RasterDataset(**arguments, pipeline=crop(20)))
    monkeypatch.setattr(class_counts, '_STRIP_PIXELS', 300)
    monkeypatch.setattr(class_counts, '_VERSION', 0)
    np.testing.assert_array_equal(count(RasterDataset(**arguments, pipeline=crop(20))).pixels, expected.pixels)


def test_tiles_of_a_grid_are_counted_each(two_sizes):
    labels, arguments = two_sizes
    counts = count(RasterDataset(**arguments, tile=50, pipeline=[LOAD, PACK]))
    assert counts.cells.tolist()[:2] == [[0, 0, 50, 50], [0, 50, 50, 50]]
    assert counts.pixels[0].tolist() == [(labels['large'][:50, :50] == c).sum() for c in range(3)]


def test_counts_are_read_again_and_made_anew_when_a_file_changes(tmp_path, two_sizes, monkeypatch, write_raster):
    _, arguments = two_sizes
    first = count(RasterDataset(**arguments, pipeline=crop(20)))
    counted = []
    make = class_counts._count_all
    monkeypatch.setattr(class_counts, '_count_all', lambda *a: counted.append(1) or make(*a))
    again = count(RasterDataset(**arguments, pipeline=crop(20)))
    assert not counted
    for name in ('items', 'cells', 'pixels'):
        np.testing.assert_array_equal(getattr(first, name), getattr(again, name))
    count(RasterDataset(**arguments, pipeline=crop(18)))
    assert len(counted) == 1
    label = tmp_path / 'labels' / 'small.tif'
    before = os.stat(label)
    write_raster(label, np.full((20, 33), 2, np.uint8), gsd=1.0)
    os.utime(label, ns=(before.st_atime_ns, before.st_mtime_ns + 1))
    changed = count(RasterDataset(**arguments, pipeline=crop(20)))
    assert len(counted) == 2 and changed.pixels[-2:].tolist() == [[0, 0, 320], [0, 0, 340]]


def test_a_damaged_file_of_counts_is_replaced(two_sizes):
    _, arguments = two_sizes
    first = count(RasterDataset(**arguments, pipeline=crop(20)))
    files = list(kept.cache_folder().glob('class_counts_*.npz'))
    for file in files:
        file.write_bytes(file.read_bytes()[:40])
    np.testing.assert_array_equal(count(RasterDataset(**arguments, pipeline=crop(20))).pixels, first.pixels)


def _count_slowly(arguments, log, results):
    make = class_counts._count_all

    def slowly(*args):
        with open(log, 'a') as file:
            file.write('counted\n')
        return make(*args)

    class_counts._count_all = slowly
    results.put(count(RasterDataset(**arguments, pipeline=crop(20))).pixels.tolist())


def test_one_process_counts_and_the_others_wait(tmp_path, two_sizes):
    labels, arguments = two_sizes
    context = multiprocessing.get_context('fork')
    results = context.Queue()
    processes = [context.Process(target=_count_slowly, args=(arguments, tmp_path / 'log', results)) for _ in range(3)]
    for process in processes:
        process.start()
    found = [results.get(timeout=60) for _ in processes]
    for process in processes:
        process.join()
    assert (tmp_path / 'log').read_text() == 'counted\n'
    assert found[0] == found[1] == found[2] and len(found[0]) == 22
    assert not list(kept.cache_folder().glob('*.lock'))
