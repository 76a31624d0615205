"""Massachusetts Buildings (Mnih 2013): Boston at 1 m."""

from collections.abc import Sequence

from mmuda.datasets.public.metainfo import BUILDING_METAINFO, RASTER_SUFFIXES, check_split
from mmuda.datasets.raster.dataset import RasterDataset
from mmuda.registry import DATASETS


@DATASETS.register_module()
class MassachusettsBuildings(RasterDataset):
    """Massachusetts Buildings: 151 aerial images of 1500 x 1500 px at 1 m a pixel (137 train, 4 val, 10 test).

    Layout: ``<data_root>/img_dir/<split>/<name>.tif`` and ``<data_root>/ann_dir/<split>/<name>.tif`` (or .tiff, .png).
    Labels hold 0 (background) and 1 (building); for the masks as downloaded (red is 255) set
    ``label_values={0: 0, 255: 1}``.

    Args:
        split (str): ``'train'``, ``'val'`` or ``'test'``.
        data_root (str): Folder of the dataset.
        data_prefix (dict | None): Other folders than the layout's.
        gsd (float): Metres a pixel.
        **kwargs: As :class:`RasterDataset`.
    """

    METAINFO = BUILDING_METAINFO

    def __init__(
        self,
        split: str = 'train',
        data_root: str = 'data/massachusetts_buildings',
        data_prefix: dict | None = None,
        gsd: float = 1.0,
        img_suffix: str | Sequence[str] = RASTER_SUFFIXES,
        seg_map_suffix: str | Sequence[str] = RASTER_SUFFIXES,
        **kwargs,
    ) -> None:
        check_split(type(self).__name__, split, ('train', 'val', 'test'))
        super().__init__(
            data_root=data_root,
            data_prefix=data_prefix or dict(img_path=f'img_dir/{split}', seg_map_path=f'ann_dir/{split}'),
            gsd=gsd,
            img_suffix=img_suffix,
            seg_map_suffix=seg_map_suffix,
            **kwargs,
        )
