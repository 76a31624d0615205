"""Buildings in drone orthophotos of Nairobi and Kampala at 15 cm and 7 cm."""

from mmuda.datasets.public.benchmark import Benchmark
from mmuda.datasets.public.metainfo import BUILDING_METAINFO, check_split
from mmuda.registry import DATASETS


@DATASETS.register_module()
class DroneBuildings(Benchmark):
    """Orthophotos from OpenAerialMap with footprints drawn by volunteers; RGB GeoTIFF in EPSG:3857.

    Layout: ``<data_root>/**/<name>_<resolution>_image.tif`` and ``<name>_<resolution>_label.tif`` next to it; 0
    background, 1 building, 255 no data. The ground sample distance is taken from the georeference (about 0.149 m and
    0.0746 m of true ground).

    Args:
        resolution (str): ``'15cm'`` or ``'7cm'``.
        name_prefix (str | Sequence[str]): ``'nairobi'``, ``'kampala_train'``, ``'kampala_val'``, ...
        **kwargs: As :class:`Benchmark`; ``labelled=False`` for an unlabelled target.
    """

    METAINFO = BUILDING_METAINFO
    ROOT = 'data/drone_buildings'
    FOLDERS = dict(img_path='', seg_map_path='')

    def __init__(self, resolution: str = '15cm', **kwargs) -> None:
        check_split(type(self).__name__, resolution, ('15cm', '7cm'), 'resolution')
        suffixes = dict(img_suffix=f'_{resolution}_image.tif', seg_map_suffix=f'_{resolution}_label.tif')
        super().__init__(**suffixes, **kwargs)
