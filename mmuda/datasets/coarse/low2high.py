"""Low2High: 1 m imagery with 30 m labels, and fine label maps from other places."""

from __future__ import annotations

from mmuda.datasets.coarse.datasets import CoarseLabelDataset, LabelMapDataset
from mmuda.registry import DATASETS
from mmuda.utils.errors import UserError

CLASSES = ('water', 'forest', 'field', 'impervious')
PALETTE = [[0, 92, 230], [38, 115, 0], [163, 255, 115], [156, 156, 156]]
SPLITS = ('train', 'val', 'heldout', 'test')


@DATASETS.register_module()
class Low2High(CoarseLabelDataset):
    """The tiles that ``tools/dataset_converters/low2high.py`` writes (Low2High, section 3).

    ``<data_root>/images|fine|coarse/<split>/<name>_r<row>_c<col>.tif``; labels are class indices, 255 is ignored.
    Coarse labels keep their own projection and resolution.

    Args:
        split (str): ``train``, ``val``, ``heldout`` or ``test``.
        fine (bool): Whether fine labels are read.
        **kwargs: As :class:`CoarseLabelDataset`; ``name_prefix`` selects regions, e.g. all but ``va``.

    Raises:
        UserError: If the split is unknown.
    """

    METAINFO = dict(classes=CLASSES, palette=PALETTE)

    def __init__(self, split: str = 'train', data_root: str = 'data/low2high', fine: bool = False, **kwargs) -> None:
        _check_split(split)
        prefix = dict(img_path=f'images/{split}', coarse_path=f'coarse/{split}')
        if fine:
            prefix['seg_map_path'] = f'fine/{split}'
        super().__init__(data_root=data_root, data_prefix=prefix, **kwargs)


@DATASETS.register_module()
class Low2HighExemplars(LabelMapDataset):
    """Fine label maps of the held-out split, without images.

    Args:
        split (str): Split of the label maps.
        **kwargs: As :class:`LabelMapDataset`; ``count`` limits their number.
    """

    METAINFO = dict(classes=CLASSES, palette=PALETTE)

    def __init__(self, split: str = 'heldout', data_root: str = 'data/low2high', **kwargs) -> None:
        _check_split(split)
        super().__init__(data_root=data_root, data_prefix=dict(img_path=f'fine/{split}'), **kwargs)


def _check_split(split: str) -> None:
    if split not in SPLITS:
        raise UserError(f'split={split!r} of Low2High must be one of {list(SPLITS)}.')
