"""Roads: Massachusetts (1 m) and DeepGlobe (0.5 m)."""

from collections.abc import Sequence

from mmuda.datasets.public.metainfo import RASTER_SUFFIXES, ROAD_METAINFO, check_split
from mmuda.datasets.raster.dataset import RasterDataset
from mmuda.registry import DATASETS


@DATASETS.register_module()
class MassachusettsRoads(RasterDataset):
    """Massachusetts Roads (Mnih 2013): 1171 aerial images of 1500 x 1500 px at 1 m (1108 train, 14 val, 49 test).

    Layout as downloaded: ``<data_root>/<split>/sat/<name>.tiff`` and ``<data_root>/<split>/map/<name>.tif``; masks
    hold 0 and 255.

    Args:
        split (str): ``'train'``, ``'val'`` or ``'test'``.
        data_root (str): Folder of the dataset.
        data_prefix (dict | None): Other folders than the layout's.
        gsd (float): Metres a pixel.
        label_values (dict | None): Value in the file -> class index.
        **kwargs: As :class:`RasterDataset`.
    """

    METAINFO = ROAD_METAINFO

    def __init__(
        self,
        split: str = 'train',
        data_root: str = 'data/massachusetts_roads',
        data_prefix: dict | None = None,
        gsd: float = 1.0,
        img_suffix: str | Sequence[str] = RASTER_SUFFIXES,
        seg_map_suffix: str | Sequence[str] = RASTER_SUFFIXES,
        label_values: dict[int, int] | None = None,
        **kwargs,
    ) -> None:
        check_split(type(self).__name__, split, ('train', 'val', 'test'))
        super().__init__(
            data_root=data_root,
            data_prefix=data_prefix or dict(img_path=f'{split}/sat', seg_map_path=f'{split}/map'),
            gsd=gsd,
            img_suffix=img_suffix,
            seg_map_suffix=seg_map_suffix,
            label_values=label_values or {0: 0, 255: 1},
            **kwargs,
        )


@DATASETS.register_module()
class DeepGlobeRoads(RasterDataset):
    """DeepGlobe Road Extraction (Demir et al. 2018): 6226 labelled satellite images of 1024 x 1024 px at 0.5 m.

    Layout as downloaded: ``<data_root>/train/<id>_sat.jpg`` and ``<data_root>/train/<id>_mask.png``. Only that folder
    has labels, so both splits are cut from it: images whose number divides by ``val_every`` validate. Masks are not
    pure black and white; from 128 on a value is road, as the data's description says.

    Args:
        split (str): ``'train'``, ``'val'`` or ``'all'``.
        data_root (str): Folder of the dataset.
        data_prefix (dict | None): Other folders than the layout's.
        gsd (float): Metres a pixel.
        val_every (int): One image of so many validates. 18 leaves about 350, the size of ISIA/AIM's validation set,
            whose own choice is not published.
        label_values (dict | None): Value in the file -> class index.
        **kwargs: As :class:`RasterDataset`.
    """

    METAINFO = ROAD_METAINFO

    def __init__(
        self,
        split: str = 'train',
        data_root: str = 'data/deepglobe_roads',
        data_prefix: dict | None = None,
        gsd: float = 0.5,
        val_every: int = 18,
        label_values: dict[int, int] | None = None,
        **kwargs,
    ) -> None:
        check_split(type(self).__name__, split, ('train', 'val', 'all'))
        self.split = split
        self.val_every = val_every
        super().__init__(
            data_root=data_root,
            data_prefix=data_prefix or dict(img_path='train', seg_map_path='train'),
            gsd=gsd,
            img_suffix='_sat.jpg',
            seg_map_suffix='_mask.png',
            label_values=label_values or {value: int(value >= 128) for value in range(256)},
            **kwargs,
        )

    def select(self, name: str) -> bool:
        """Whether the number of the image belongs to the split."""
        if not super().select(name) or not name.isdigit():
            return False
        validates = int(name) % self.val_every == 0
        return self.split == 'all' or validates == (self.split == 'val')

    def describe_selection(self) -> str:
        """The rule of the split, for errors."""
        return f'{self.split} split: <number>_sat.jpg; every {self.val_every}th number validates'
