"""Roads: Massachusetts (1 m) and DeepGlobe (0.5 m)."""

from mmuda.datasets.public.benchmark import Benchmark
from mmuda.datasets.public.metainfo import MASSACHUSETTS_DOWNLOADS, ROAD_METAINFO
from mmuda.registry import DATASETS


@DATASETS.register_module()
class MassachusettsRoads(Benchmark):
    """Massachusetts Roads (Mnih 2013): 1171 aerial images of 1500 x 1500 px at 1 m (1108 train, 14 val, 49 test).

    Layout as downloaded: ``<data_root>/<split>/sat/<name>.tiff`` and ``<data_root>/<split>/map/<name>.tif`` (``val``
    may be ``valid``), or ``<data_root>/tiff/<split>`` and ``<split>_labels`` of the copy on Kaggle; masks hold 0 and
    255.

    Args:
        split (str | None): ``'train'``, ``'val'`` or ``'test'``.
        **kwargs: As :class:`Benchmark`.
    """

    METAINFO = ROAD_METAINFO
    SPLITS = ('train', 'val', 'test')
    ROOT = 'data/massachusetts_roads'
    FOLDERS = dict(img_path='{split}/sat', seg_map_path='{split}/map')
    GSD = 1.0
    DOWNLOADS = MASSACHUSETTS_DOWNLOADS
    LABEL_VALUES = {0: 0, 255: 1}


@DATASETS.register_module()
class DeepGlobeRoads(Benchmark):
    """DeepGlobe Road Extraction (Demir et al. 2018): 6226 labelled satellite images of 1024 x 1024 px at 0.5 m.

    Layout as downloaded: ``<data_root>/train/<id>_sat.jpg`` and ``<data_root>/train/<id>_mask.png``. Only that folder
    has labels, so both splits are cut from it: images whose number is divisible by ``val_every`` form the validation
    split. Masks are not pure black and white; values from 128 are road, as the dataset's description says.

    Args:
        split (str | None): ``'train'``, ``'val'`` or ``'all'``.
        val_every (int): Every n-th image is used for validation. 18 gives about 350 images, the size of ISIA/AIM's
            validation set, whose selection is not published.
        **kwargs: As :class:`Benchmark`.
    """

    METAINFO = ROAD_METAINFO
    SPLITS = ('train', 'val', 'all')
    ROOT = 'data/deepglobe_roads'
    FOLDERS = dict(img_path='train', seg_map_path='train')
    GSD = 0.5
    SUFFIXES, LABEL_SUFFIXES = '_sat.jpg', '_mask.png'
    LABEL_VALUES = {value: int(value >= 128) for value in range(256)}

    def __init__(self, split: str | None = None, val_every: int = 18, **kwargs) -> None:
        self.val_every = val_every
        super().__init__(split, **kwargs)

    def select(self, name: str) -> bool:
        """Whether the number of the image belongs to the split."""
        if not super().select(name) or not name.isdigit():
            return False
        validates = int(name) % self.val_every == 0
        return self.split == 'all' or validates == (self.split == 'val')

    def describe_selection(self) -> str:
        """The rule that defines the split, for errors."""
        return f'{self.split} split: <number>_sat.jpg; every {self.val_every}th number validates'
