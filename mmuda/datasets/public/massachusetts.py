"""Massachusetts Buildings (Mnih 2013): Boston at 1 m."""

from mmuda.datasets.public.benchmark import Benchmark
from mmuda.datasets.public.metainfo import BUILDING_METAINFO, MASSACHUSETTS_DOWNLOADS
from mmuda.registry import DATASETS


@DATASETS.register_module()
class MassachusettsBuildings(Benchmark):
    """Massachusetts Buildings: 151 aerial images of 1500 x 1500 px at 1 m per pixel (137 train, 4 val, 10 test).

    Layout: ``<data_root>/img_dir/<split>/<name>.tif`` and ``<data_root>/ann_dir/<split>/<name>.tif`` (or .tiff, .png).
    Labels hold 0 (background) and 1 (building). Layout as downloaded: ``<data_root>/<split>/sat`` and ``map`` (``val``
    is ``valid``), or ``<data_root>/tiff/<split>`` and ``<split>_labels`` of the copy on Kaggle; masks hold 0 and 255.

    Args:
        split (str | None): ``'train'``, ``'val'`` or ``'test'``.
        **kwargs: As :class:`Benchmark`.
    """

    METAINFO = BUILDING_METAINFO
    SPLITS = ('train', 'val', 'test')
    ROOT = 'data/massachusetts_buildings'
    FOLDERS = dict(img_path='img_dir/{split}', seg_map_path='ann_dir/{split}')
    GSD = 1.0
    DOWNLOADS = MASSACHUSETTS_DOWNLOADS
