"""Coarse labels of the synthetic imagery against loops over cells."""

import shutil

import numpy as np
import pytest
import rasterio

from mmuda.registry import DATASETS
from mmuda.synthetic import coarse
from mmuda.synthetic.coarse import coarse_labels, drop_small
from mmuda.utils.setup_env import register_all_modules

register_all_modules()


@pytest.mark.parametrize(
    ('ratio', 'offset', 'shift'), [(4, (0, 0), (0, 0)), (4, (3, 1), (2, -1)), (15, (7, 14), (0, 3))]
)
def test_a_cell_has_the_majority_of_what_the_product_sees(ratio, offset, shift):
    label = np.random.default_rng(0).integers(0, 3, (22, 31)).astype(np.uint8)
    found = coarse_labels(label, ratio, offset, shift, num_classes=3)
    height, width = label.shape
    assert found.shape == ((height + offset[0] - 1) // ratio + 1, (width + offset[1] - 1) // ratio + 1)
    for r in range(found.shape[0]):
        for c in range(found.shape[1]):
            votes = [0, 0, 0]
            for i in range(r * ratio - offset[0], (r + 1) * ratio - offset[0]):
                for j in range(c * ratio - offset[1], (c + 1) * ratio - offset[1]):
                    if 0 <= i < height and 0 <= j < width:
                        y, x = min(max(i + shift[0], 0), height - 1), min(max(j + shift[1], 0), width - 1)
                        votes[label[y, x]] += 1
            assert found[r, c] == votes.index(max(votes))


def test_small_objects_pass_for_what_is_nearest():
    label = np.zeros((20, 20), np.uint8)
    label[:, 12:] = 2
    label[3:6, 3:6] = 1  # 9 pixels
    label[10:14, 15:19] = 1  # 16 pixels
    found = drop_small(label, 10)
    assert (found[3:6, 3:6] == 0).all() and (found[10:14, 15:19] == 1).all() and (found[:, 12] == 2).all()
    assert np.array_equal(drop_small(label, 9), label)


@pytest.fixture(scope='module')
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp('data') / 'coarse'
    scenes = dict(source=dict(train=(1, 96), val=(1, 96)), exemplar=dict(train=(1, 96)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(coarse, 'SCENES', scenes)
        yield folder


def build(root, kind='SyntheticCoarse', **kwargs):
    return DATASETS.build(dict(type=kind, data_root=str(root), **kwargs))


def test_cells_lie_where_the_georeference_says(root):
    pipeline = [
        dict(type='LoadRasterWindow'), dict(type='LoadCoarseLabels', as_label=False), dict(type='PackUDAInputs'),
    ]  # fmt: skip
    data = build(root, split='val', fine=True, shift=(0, 0), min_area=0, tile=96, pipeline=pipeline)
    sample = data[0]
    fine, cells = sample['data_samples'].gt_sem_seg.data[0].numpy(), sample['cells'].numpy()
    assert set(np.unique(fine)) <= {0, 1, 2, 3}
    assert np.array_equal(cells, (np.arange(96)[:, None] + 5) // 16 * 7 + (np.arange(96) + 9) // 16)
    for cell in np.unique(cells):
        labels = sample['coarse_label'].numpy()[cells == cell]
        assert (labels == np.bincount(fine[cells == cell], minlength=4).argmax()).all()


def test_training_reads_no_fine_label(root, tmp_path):
    copy = tmp_path / 'copy'
    build(root, pipeline=[])  # writes the cells
    shutil.copytree(root, copy)
    for file in copy.glob('source/*/*_label*.tif'):
        file.unlink()
    pipeline = [
        dict(type='RandomGroundCrop', extent=64.0), dict(type='LoadRasterWindow', with_label=False),
        dict(type='LoadCoarseLabels'), dict(type='PackUDAInputs'),
    ]  # fmt: skip
    sample = build(copy, pipeline=pipeline)[0]
    assert sample['data_samples'].gt_sem_seg.data.shape == (1, 64, 64) and sample['cells'].shape == (64, 64)


def test_exemplars_are_complete_label_maps_of_another_region(root):
    data = build(
        root, 'SyntheticExemplars', tile=48, pipeline=[dict(type='LoadLabelWindow'), dict(type='PackUDAInputs')]
    )
    labels = np.stack([data[i]['data_samples'].gt_sem_seg.data[0].numpy() for i in range(len(data))])
    assert labels.shape == (4, 48, 48) and labels.max() <= 3
    with rasterio.open(root / 'source' / 'train' / 'scene_00_label6.tif') as file:
        ours = np.vectorize(coarse.TO_FOUR.get)(file.read(1))
    assert not np.array_equal(ours[:48, :48], labels[0])


@pytest.mark.parametrize('wrong', [dict(split='test'), dict(offset=(16, 0)), dict(ratio=0)])
def test_wrong_arguments_are_refused(root, wrong):
    with pytest.raises(ValueError, match='SyntheticCoarse'):
        build(root, pipeline=[], **wrong)
