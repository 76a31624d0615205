"""The synthetic imagery as a dataset."""

from mmuda.datasets.raster.dataset import RasterDataset
from mmuda.registry import DATASETS
from mmuda.utils.errors import UserError

from .generator import SCENES, generate
from .materials import ISPRS_CLASSES, ISPRS_PALETTE

CLASSES = {2: ('background', 'building'), 6: ISPRS_CLASSES}
PALETTES = {2: [[0, 0, 0], [255, 255, 255]], 6: ISPRS_PALETTE}


@DATASETS.register_module()
class SyntheticDataset(RasterDataset):
    """Procedural overhead imagery of two cities, written to ``data_root`` on first use.

    Args:
        domain (str): ``source`` (1.0 m per pixel) or ``target`` (0.3 m per pixel).
        split (str): ``train`` or ``val``.
        num_classes (int): 2 (background, building) or 6 (ISPRS classes).
        data_root (str): Folder of the imagery; see :func:`mmuda.synthetic.generate`.
        seed (int): Seed of the imagery; each seed needs its own folder.
        **kwargs: As :class:`RasterDataset`; ``labelled=False`` omits the labels.

    Raises:
        UserError: ``domain``, ``split`` or ``num_classes`` is unknown, or the folder holds other imagery.

    Examples:
        >>> train = dict(type='SyntheticDataset', domain='target', split='train', labelled=False, pipeline=[...])
    """

    def __init__(
        self,
        domain: str = 'source',
        split: str = 'train',
        num_classes: int = 6,
        data_root: str = 'data/synthetic',
        seed: int = 0,
        **kwargs,
    ) -> None:
        for name, value, choices in (
            ('domain', domain, SCENES),
            ('split', split, SCENES['source']),
            ('num_classes', num_classes, CLASSES),
        ):
            if value not in choices:
                raise UserError(f'{name}={value!r} of SyntheticDataset must be one of {list(choices)}.')
        self.seed = seed
        folder = f'{domain}/{split}'
        super().__init__(
            data_root=data_root,
            data_prefix=dict(img_path=folder, seg_map_path=folder),
            img_suffix='_image.tif',
            seg_map_suffix=f'_label{num_classes}.tif',
            metainfo=dict(classes=CLASSES[num_classes], palette=PALETTES[num_classes]),
            **{'domain': domain, **kwargs},
        )

    def load_data_list(self) -> list[dict]:
        """As :class:`RasterDataset`, when the imagery is there."""
        generate(self.data_root, self.seed)
        return super().load_data_list()
