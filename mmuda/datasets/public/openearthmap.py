"""OpenEarthMap (Xia et al. 2023): land cover of 97 regions in 44 countries at 0.25 to 0.5 m."""

import os.path as osp
from collections.abc import Sequence

from mmuda.datasets.public.benchmark import Benchmark
from mmuda.datasets.raster.files import read_list
from mmuda.registry import DATASETS
from mmuda.utils.errors import UserError

OPENEARTHMAP_METAINFO = dict(
    classes=(
        'bareland',
        'rangeland',
        'developed_space',
        'road',
        'tree',
        'water',
        'agriculture_land',
        'building',
    ),
    palette=[
        [128, 0, 0],
        [0, 255, 36],
        [148, 148, 148],
        [255, 255, 255],
        [34, 97, 38],
        [0, 69, 255],
        [75, 181, 73],
        [222, 31, 7],
    ],
)
"""The eight classes; labels hold 1 to 8, and 0 for what is unknown."""


@DATASETS.register_module()
class OpenEarthMap(Benchmark):
    """OpenEarthMap: 5,000 images of aerial and satellite imagery, eight classes of land cover.

    Layout as written by ``tools/dataset_converters/public.py``: ``<data_root>/images/<region>/<region>_<n>.tif``,
    ``<data_root>/labels/<region>/<region>_<n>.tif``, and the published lists ``<data_root>/<split>.txt``. The images of
    a list that are not in the download, such as those of xBD, are left out. Labels of the test images are withheld
    (``labelled=False``).

    Args:
        split (str | None): ``'train'``, ``'val'`` or ``'test'``.
        regions (Sequence[str] | None): Use only these regions, e.g. ``('aachen', 'tokyo')`` as one domain.
        **kwargs: As :class:`Benchmark`; ``gsd`` if the files have no georeference.
    """

    METAINFO = OPENEARTHMAP_METAINFO
    SPLITS = ('train', 'val', 'test')
    ROOT = 'data/openearthmap'
    FOLDERS = dict(img_path='images', seg_map_path='labels')
    ZERO_IS_IGNORED = True

    def __init__(self, split: str | None = None, regions: Sequence[str] | None = None, **kwargs) -> None:
        path = osp.join(kwargs.get('data_root') or self.ROOT, f'{split or self.SPLITS[0]}.txt')
        if (split or self.SPLITS[0]) in self.SPLITS and not osp.isfile(path):
            raise UserError(
                f'The list {path} of OpenEarthMap does not exist; put the published train.txt, val.txt there.'
            )
        self.listed = (
            frozenset(name.removesuffix('.tif') for name in read_list(path)) if osp.isfile(path) else frozenset()
        )
        self.regions = None if regions is None else frozenset(regions)
        super().__init__(split, **kwargs)

    def select(self, name: str) -> bool:
        """Whether the image is in the split's list, and of the regions."""
        region = name.rpartition('_')[0]
        return super().select(name) and name in self.listed and (self.regions is None or region in self.regions)

    def describe_selection(self) -> str:
        """The rule that defines the split, for errors."""
        only = f', <region> one of {", ".join(sorted(self.regions))}' if self.regions is not None else ''
        return f'{self.split} split: <region>_<n>.tif in {self.split}.txt{only}'
