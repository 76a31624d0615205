"""Blended windows give what the whole image would, wherever the job is cut, stopped or shared."""

import multiprocessing
import os
import signal

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from mmuda.maps.blending import classes_of, probabilities_of
from mmuda.maps.parts import Parts
from mmuda.maps.strips import predict_strips
from mmuda.maps.windows import Plan, spans

CASES = [(300, 64, 16, 4), (64, 64, 16, 4), (7, 64, 16, 4), (1000, 128, 32, 0), (999, 256, 64, 32), (257, 256, 200, 9)]


@pytest.mark.parametrize('length, tile, overlap, margin', CASES)
def test_windows_cover_a_side_and_their_weights_sum_to_1(length, tile, overlap, margin):
    found = spans(length, tile, overlap, margin)
    total = np.zeros(length)
    for number, span in enumerate(found):
        total[span.start : span.end] += span.weights
        assert 0 <= span.start < span.end <= length and len(span) <= tile
        assert length <= tile or len(span) > tile - 32
        assert tile < 128 or span.start % 32 == 0
        if margin:
            assert number == 0 or not span.weights[:margin].any()
            assert span.end == length or not span.weights[-margin:].any()
        assert span.start <= span.own[0] < span.own[1] <= span.end
    np.testing.assert_allclose(total, 1, rtol=1e-6)
    assert [pixel for span in found for pixel in range(*span.own)] == list(range(length))
    for one, other in zip(found, found[1:], strict=False):
        assert one.end - other.start >= overlap


@pytest.mark.parametrize('length, tile, overlap, margin', CASES)
def test_exact_windows_have_one_size_and_cover_a_side_too(length, tile, overlap, margin):
    found = spans(length, tile, overlap, margin, exact=True)
    total = np.zeros(length)
    for span in found:
        total[span.start : span.end] += span.weights
    assert {len(span) for span in found} == {min(tile, length)}
    assert (found[0].start, found[-1].end) == (0, length)
    np.testing.assert_allclose(total, 1, rtol=1e-6)


def test_weights_have_no_jump_between_neighbours():
    weights = spans(1000, 256, 64, 8)[1].weights
    assert np.abs(np.diff(weights)).max() < 0.05
    assert weights[64:-64].min() == 1


class Convolution:
    """Two layers with a stride, whose result is enlarged bilinearly, as a segmentor's."""

    def __init__(self, image, stride=4, fail_at=None, kill=False):
        generator = torch.Generator().manual_seed(0)
        self.first, self.second = (
            torch.randn(shape, generator=generator) for shape in ((5, image.shape[0], 3, 3), (3, 5, 3, 3))
        )
        self.image, self.stride, self.windows, self.fail_at, self.kill = image, stride, [], fail_at, kill

    def read(self, window):
        row, col, height, width = window
        return window, self.image[:, row : row + height, col : col + width]

    def predict(self, samples):
        found = []
        for window, image in samples:
            if len(self.windows) == self.fail_at:
                if self.kill:
                    os.kill(os.getpid(), signal.SIGKILL)
                raise RuntimeError('stopped')
            self.windows.append(window)
            found.append((self.whole(image), image[0] < -2))
        return found

    def whole(self, image):
        image = torch.from_numpy(image)[None]
        deep = F.relu(F.conv2d(image, self.first, stride=self.stride, padding=1))
        deep = F.conv2d(deep, self.second, padding=1)
        size = image.shape[-2:]
        return F.interpolate(deep, size=size, mode='bilinear', align_corners=False)[0].numpy()


@pytest.fixture
def image():
    return np.random.default_rng(0).normal(size=(2, 416, 544)).astype(np.float32)


def keep(logits, missing):
    return dict(logits=logits, missing=missing[None])


def predicted(folder, network, plan, share=(0, 1), batch=2, job='a'):
    parts = Parts(folder / 'map.tif', dict(job=job), share[0] == 0)
    predict_strips(plan, parts, network, keep, batch, share)
    return put_together(parts, plan)


def put_together(parts, plan):
    logits, missing = np.full((3, plan.height, plan.width), np.nan), np.zeros((plan.height, plan.width), bool)
    for number, (left, right) in enumerate(plan.segments):
        for row in range(len(plan.rows)):
            if parts.has(number, row):
                found, (top, bottom) = parts.read(number, row), plan.strip(row)
                logits[:, top:bottom, left:right] = found['logits']
                missing[top:bottom, left:right] = found['missing'][0]
    return logits, missing


@pytest.mark.parametrize('tile, overlap, margin', [(128, 64, 24), (192, 96, 32), (1000, 0, 0)])
def test_blended_windows_equal_the_whole_image(tmp_path, image, tile, overlap, margin):
    network = Convolution(image)  # an output depends on less than 24 px around it
    logits, missing = predicted(tmp_path, network, Plan(*image.shape[1:], tile, overlap, margin, 10**6))
    np.testing.assert_allclose(logits, network.whole(image), atol=1e-4)
    np.testing.assert_array_equal(missing, image[0] < -2)


def test_without_a_margin_they_differ_at_borders(tmp_path, image):
    network = Convolution(image)
    logits, _ = predicted(tmp_path, network, Plan(*image.shape[1:], 128, 64, 0, 10**6))
    assert np.abs(logits - network.whole(image)).max() > 0.01


PLAN = (416, 544, 128, 40, 8)


@pytest.fixture
def uninterrupted(tmp_path, image):
    network = Convolution(image)
    return predicted(tmp_path / 'at_once', network, Plan(*PLAN, 10**6)), network.windows


def test_segments_of_columns_change_nothing(tmp_path, image, uninterrupted):
    found = predicted(tmp_path, Convolution(image), Plan(*PLAN, 100))
    for ours, theirs in zip(found, uninterrupted[0], strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize('columns', [10**6, 200])
@pytest.mark.parametrize('fail_at', [3, 11, 17])
def test_a_stopped_job_goes_on_to_the_same_bits(tmp_path, image, uninterrupted, fail_at, columns):
    plan = Plan(*PLAN, columns)
    with pytest.raises(RuntimeError, match='stopped'):
        predicted(tmp_path, Convolution(image, fail_at=fail_at), plan)
    second = Convolution(image)
    found = predicted(tmp_path, second, plan)
    for ours, theirs in zip(found, uninterrupted[0], strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert columns == 200 or fail_at < 17 or len(second.windows) < len(uninterrupted[1])
    third = Convolution(image)
    predicted(tmp_path, third, plan)
    assert not third.windows


def test_a_killed_job_goes_on_to_the_same_bits(tmp_path, image, uninterrupted):
    plan, network = Plan(*PLAN, 10**6), Convolution(image, fail_at=13, kill=True)
    process = multiprocessing.get_context('fork').Process(target=predicted, args=(tmp_path, network, plan))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    found = predicted(tmp_path, Convolution(image), plan)
    for ours, theirs in zip(found, uninterrupted[0], strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_strips_of_another_job_are_not_taken(tmp_path, image):
    plan = Plan(*PLAN, 10**6)
    predicted(tmp_path, Convolution(image), plan, job='other')
    second = Convolution(-image)
    logits, _ = predicted(tmp_path, second, plan)
    assert second.windows and np.abs(logits - second.whole(-image)).max() < 20


def test_processes_share_the_strips(tmp_path, image, uninterrupted):
    plan, networks = Plan(*PLAN, 10**6), [Convolution(image) for _ in range(3)]
    for rank, network in enumerate(networks):
        found = predicted(tmp_path, network, plan, (rank, 3))
    for ours, theirs in zip(found, uninterrupted[0], strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert all(network.windows for network in networks)


def test_a_damaged_strip_is_not_there(tmp_path, image):
    plan = Plan(*PLAN, 10**6)
    predicted(tmp_path, Convolution(image), plan)
    parts = Parts(tmp_path / 'map.tif', dict(job='a'))
    parts.path(0, 1).write_bytes(parts.path(0, 1).read_bytes()[:1000])
    assert parts.read(0, 1) is None and parts.read(0, 0) is not None


def test_classes_and_probabilities():
    logits = np.random.default_rng(0).normal(size=(4, 6, 5)).astype(np.float32)
    expected = torch.from_numpy(logits).softmax(dim=0).numpy()
    np.testing.assert_allclose(probabilities_of(logits), expected, rtol=1e-5)
    np.testing.assert_array_equal(classes_of(logits), expected.argmax(axis=0))
    one = logits[:1]
    sigmoid = 1 / (1 + np.exp(-one[0].astype(np.float64)))
    np.testing.assert_allclose(probabilities_of(one), [1 - sigmoid, sigmoid], rtol=1e-5)
    np.testing.assert_array_equal(classes_of(one, 0.3), sigmoid > 0.3)
