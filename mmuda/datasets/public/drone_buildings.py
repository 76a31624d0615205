"""Buildings in drone orthophotos of Nairobi and Kampala at 15 cm and 7 cm."""

from mmuda.datasets.public.metainfo import BUILDING_METAINFO, check_split
from mmuda.datasets.raster.dataset import RasterDataset
from mmuda.registry import DATASETS


@DATASETS.register_module()
class DroneBuildings(RasterDataset):
    """Orthophotos of OpenAerialMap with footprints drawn by volunteers; RGB GeoTIFF in EPSG:3857.

    Layout: ``<data_root>/**/<name>_<resolution>_image.tif`` and ``<name>_<resolution>_label.tif`` beside it; 0
    background, 1 building, 255 no data. The ground sample distance is taken from the georeference (about 0.149 m and
    0.0746 m of true ground).

    Args:
        resolution (str): ``'15cm'`` or ``'7cm'``.
        name_prefix (str | Sequence[str]): ``'nairobi'``, ``'kampala_train'``, ``'kampala_val'``, ...
        data_root (str): Folder of the dataset, or a link to it.
        data_prefix (dict | None): Other folders than ``data_root`` itself.
        **kwargs: As :class:`RasterDataset`; ``labelled=False`` for an unlabelled target.
    """

    METAINFO = BUILDING_METAINFO

    def __init__(
        self,
        resolution: str = '15cm',
        data_root: str = 'data/drone_buildings',
        data_prefix: dict | None = None,
        **kwargs,
    ) -> None:
        check_split(type(self).__name__, resolution, ('15cm', '7cm'), 'resolution')
        super().__init__(
            data_root=data_root,
            data_prefix=data_prefix or dict(img_path='', seg_map_path=''),
            img_suffix=f'_{resolution}_image.tif',
            seg_map_suffix=f'_{resolution}_label.tif',
            **kwargs,
        )
