"""Only what is judged by the same truth is compared."""

import numpy as np
import pytest
import rasterio
from mmengine.config import Config

from mmuda.apis import UserError
from mmuda.apis.same_test import check_same_test
from mmuda.experiments import compare
from mmuda.utils.setup_env import register_all_modules


@pytest.fixture
def described(tmp_path):
    """Config of a test set with changes; the folders ``i``, ``l`` and ``other`` hold two images and their labels."""
    register_all_modules()
    for folder, count in dict(i=3, l=1, m=1, other=3).items():
        (tmp_path / folder).mkdir()
        for name in ('ab' if folder != 'other' else 'bc') if count == 3 else 'abc':
            profile = dict(driver='GTiff', height=8, width=8, count=count, dtype='uint8')
            with rasterio.open(tmp_path / folder / f'{name}.tif', 'w', **profile) as file:
                file.write(np.zeros((count, 8, 8), np.uint8))

    def described(classes=('x', 'y'), **changes):
        dataset = dict(
            type='RasterDataset', data_root=str(tmp_path), data_prefix=dict(img_path='i', seg_map_path='l'), gsd=1.0,
            metainfo=dict(classes=list(classes)), pipeline=[dict(type='LoadRasterWindow')],
        )  # fmt: skip
        return Config(dict(val_dataloader=dict(dataset=dataset | changes)))

    return described


def test_the_same_set_in_other_words_passes(described, tmp_path):
    prefix = dict(img_path=str(tmp_path / 'i'), seg_map_path=str(tmp_path / 'l'))
    check_same_test(
        dict(
            a=described(),
            b=described(tile=4, pipeline=[], gsd=0.5),
            c=described(data_root='', data_prefix=prefix),
            d=Config(dict(train_cfg=dict(max_iters=3))),
        )
    )


@pytest.mark.parametrize(
    ('changes', 'says'),
    [
        (dict(classes=('y', 'x')), r"a and b cannot be compared: .*classes \('x', 'y'\) in one and \('y', 'x'\)"),
        (dict(classes=('x', 'z')), r"\('x', 'z'\) in the other"),
        (dict(name_prefix='a'), r'1 files only in a, e\.g\. .*i/b\.tif'),
        (dict(data_prefix=dict(img_path='other', seg_map_path='l')), r'2 files only in a.*; 2 files only in b'),
        (dict(data_prefix=dict(img_path='i', seg_map_path='m')), r'other labels of .*i/a\.tif'),
        (dict(label_values={0: 1}), r'other labels of .* label_values=\{0: 1\} in b'),
    ],
)
def test_other_truths_are_refused(described, changes, says):
    with pytest.raises(UserError, match=says):
        check_same_test(dict(a=described(), b=described(**changes)))


def test_compare_refuses_before_it_trains(described, tmp_path):
    for name, cfg in dict(a=described(), b=described(classes=('y', 'x'))).items():
        (tmp_path / f'{name}.py').write_text(cfg.pretty_text + '\ntrain_cfg = dict(max_iters=1)\n')
    with pytest.raises(UserError, match='a and b cannot be compared'):
        compare([tmp_path / 'a.py', tmp_path / 'b.py'], tmp_path / 'out', ['false'], seeds=[0], picture=False)
    assert not (tmp_path / 'out').exists()
