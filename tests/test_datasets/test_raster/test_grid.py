import numpy as np
import pytest

from mmuda.datasets.raster.grid import check_same_grid
from mmuda.datasets.raster.notes import notes_on_grids
from mmuda.datasets.raster.reading import close_rasters, probe_raster
from mmuda.registry import DATASETS

ESRI_UTM_33 = (
    'PROJCS["WGS_1984_UTM_Zone_33N",GEOGCS["GCS_WGS_1984",DATUM["D_WGS_1984",SPHEROID["WGS_1984",6378137.0,'
    '298.257223563]],PRIMEM["Greenwich",0.0],UNIT["Degree",0.0174532925199433]],PROJECTION["Transverse_Mercator"],'
    'PARAMETER["False_Easting",500000.0],PARAMETER["False_Northing",0.0],PARAMETER["Central_Meridian",15.0],'
    'PARAMETER["Scale_Factor",0.9996],PARAMETER["Latitude_Of_Origin",0.0],UNIT["Meter",1.0]]'
)


@pytest.fixture
def info(tmp_path, write_raster):
    """A function: header of a raster of 40 x 60 px, a new one at each call."""
    count = iter(range(1000))

    def make(name='{}.tif', world=None, **where):
        path = write_raster(tmp_path / name.format(next(count)), np.zeros((40, 60), np.uint8), **where)
        if world is not None:
            suffix = '.pgw' if path.suffix == '.png' else '.tfw'
            path.with_suffix(suffix).write_text('\n'.join(map(str, world)))
        return probe_raster(str(path))

    return make


def test_the_same_grid_in_other_words(info):
    image = info(gsd=0.5)
    same = [info(gsd=0.5), info(gsd=0.5, crs=ESRI_UTM_33), info(gsd=0.5, crs='EPSG:32633+5773')]
    same += [info(gsd=0.5, origin=(500000.004, 5000000.0)), info(gsd=0.5, crs='+proj=utm +zone=33 +datum=WGS84')]
    assert [check_same_grid(image, label) for label in same] == [None] * len(same)


LOCAL = 'LOCAL_CS["a",UNIT["metre",1]]'


@pytest.mark.parametrize('crs', ['EPSG:32634', 'EPSG:32632', 'EPSG:3857', 'EPSG:32733', 'EPSG:4326', LOCAL])
def test_another_system_at_the_same_numbers(info, crs):
    with pytest.raises(ValueError, match='is in another coordinate reference system .* than its image .*EPSG:32633'):
        check_same_grid(info(gsd=0.5), info(gsd=0.5, crs=crs))


def test_transforms_are_compared_without_systems(info):
    world = [0.5, 0, 0, -0.5, 1000.25, 2000.25]
    moved = [0.5, 0, 0, -0.5, 1000.75, 2000.25]
    image = info('{}.png', world)
    assert check_same_grid(image, info('{}.png', world)) is None
    for other in (info('{}.png', moved), info('{}.tif', moved), info(gsd=0.5)):
        with pytest.raises(ValueError, match='lies on another grid'):
            check_same_grid(image, other)
    with pytest.raises(ValueError, match='lies on another grid'):
        check_same_grid(info(gsd=0.5), info(gsd=0.5, crs=None, origin=(500000.0, 5000000.5)))


def test_a_small_difference_in_scale_moves_the_far_corner(info):
    image = info(gsd=0.5)
    assert check_same_grid(image, info(gsd=0.5 * (1 + 0.05 / 60))) is None
    with pytest.raises(ValueError, match='lies on another grid'):
        check_same_grid(image, info(gsd=0.5 * (1 + 0.5 / 60)))


def test_what_cannot_be_known_is_told(info):
    image = info(gsd=0.5)
    assert 'placed by nothing, its image by a transform' in check_same_grid(image, info())
    assert 'placed by a transform, its image by nothing' in check_same_grid(info(), image)
    stripped = info(gsd=0.5, crs=None)
    assert 'the image names a coordinate reference system and it does not' in check_same_grid(image, stripped)
    assert check_same_grid(info('{}.png'), info('{}.png')) is None
    notes = notes_on_grids({'a.tif': 'here', 'b.tif': None, 'c.tif': 'here', 'd.tif': 'there'})
    assert notes == ['a.tif (and 1 more) is here', 'd.tif is there']


def build(root, **kwargs):
    classes = dict(classes=('background', 'building'), palette=[[0, 0, 0], [255, 255, 255]])
    settings = dict(data_prefix=dict(img_path='img_dir', seg_map_path='ann_dir'), metainfo=classes) | kwargs
    return DATASETS.build(dict(type='RasterDataset', data_root=str(root), **settings))


def test_dataset_refuses_and_notes(buildings, write_raster):
    label = buildings / 'ann_dir/b.tif'
    write_raster(label, np.zeros((80, 60), np.uint8))
    (note,) = build(buildings).notes
    assert note.startswith(str(label)) and 'placed by nothing' in note
    write_raster(label, np.zeros((80, 60), np.uint8), gsd=1.0, crs=None, origin=(500000.5, 5000000.0))
    with pytest.raises(ValueError, match=r'ann_dir/b\.tif lies on another grid'):
        build(buildings)
    write_raster(label, np.zeros((80, 60), np.uint8), gsd=1.0, crs='EPSG:32634')
    with pytest.raises(ValueError, match=r'ann_dir/b\.tif is in another coordinate reference system'):
        build(buildings)


def test_translated_and_predicted_rasters_are_compared_too(buildings, write_raster, coded_image):
    for name, height in dict(a=40, b=80).items():
        write_raster(buildings / f'translated/{name}.tif', coded_image(height, 60), gsd=1.0)
        write_raster(buildings / f'predicted/{name}.tif', np.zeros((height, 60), np.uint8), gsd=1.0)
    images = dict(data_prefix=dict(img_path='img_dir'), translated_images=str(buildings / 'translated'))
    labels = dict(predicted_labels=str(buildings / 'predicted'))
    assert build(buildings, **images).notes == build(buildings, **labels).notes == []
    away = dict(gsd=1.0, origin=(500007.0, 5000000.0))
    write_raster(buildings / 'translated/b.tif', coded_image(80, 60), **away)
    with pytest.raises(ValueError, match=r'The translated image .*translated/b\.tif lies on another grid'):
        build(buildings, **images)
    write_raster(buildings / 'predicted/b.tif', np.zeros((80, 60), np.uint8), **away)
    with pytest.raises(ValueError, match=r'The label .*predicted/b\.tif lies on another grid'):
        build(buildings, **labels)


def test_coarse_labels_in_a_local_system(tmp_path, write_raster, coded_image):
    local = dict(crs='LOCAL_CS["site",UNIT["metre",1]]', origin=(0.0, 40.0))
    write_raster(tmp_path / 'img/a.tif', coded_image(40, 40), gsd=1.0, **local)
    write_raster(tmp_path / 'coarse/a.tif', np.arange(16, dtype=np.uint8).reshape(4, 4) % 2, gsd=10.0, **local)
    dataset = DATASETS.build(
        dict(
            type='CoarseLabelDataset',
            data_root=str(tmp_path),
            data_prefix=dict(img_path='img', coarse_path='coarse'),
            metainfo=dict(classes=('a', 'b'), palette=[[0, 0, 0], [1, 1, 1]]),
            pipeline=[dict(type='LoadRasterWindow'), dict(type='LoadCoarseLabels')],
        )
    )
    label = dataset[0]['gt_seg_map']
    assert np.array_equal(label, (np.arange(16).reshape(4, 4) % 2).repeat(10, 0).repeat(10, 1))
    write_raster(tmp_path / 'coarse/a.tif', np.zeros((4, 4), np.uint8), gsd=10.0)
    close_rasters()
    with pytest.raises(ValueError, match='cannot be projected into the system of'):
        dataset.load_data_list()
