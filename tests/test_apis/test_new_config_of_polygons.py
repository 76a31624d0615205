"""A config for a user's own rasters whose labels are polygons, or lie on a grid of their own."""

import numpy as np
import pyogrio
import pytest
import shapely

from mmuda.apis import UserError
from mmuda.datasets.class_counts import class_counts
from mmuda.registry import DATASETS
from tests.test_apis.test_new_config_of_rasters import configured, places, write

__all__ = ['places']

# The images of the source are 320 x 320 px of 0.5 m; their upper left corner is the origin.
HOUSES = [shapely.box(10, -60, 50, -20), shapely.box(60, -140, 120, -100)]
POND = shapely.box(100, -60, 150, -10)


def write_polygons(path, shapes, **fields):
    path.parent.mkdir(parents=True, exist_ok=True)
    pyogrio.raw.write(
        path,
        np.array([shapely.to_wkb(shape) for shape in shapes], dtype=object),
        [np.array(values, dtype=object) for values in fields.values()],
        fields=list(fields),
        geometry_type='Polygon',
        crs='EPSG:32633',
    )
    return str(path)


def source_of(cfg):
    return DATASETS.build(dict(cfg.train_dataloader.dataset.source, part=None, rare_classes=None, tile=160))


def pixels_of(cfg):
    """Pixels of each class of the whole source."""
    settings = dict(cfg.train_dataloader.dataset.source, part=None)
    return class_counts(DATASETS.build(settings)).pixels.sum(axis=0).tolist()


def test_footprints_of_a_city_in_one_file(places, tmp_path):
    arguments = places()
    arguments['source'][1] = write_polygons(tmp_path / 'city.gpkg', HOUSES)
    cfg, text, told = configured(arguments, classes=('ground', 'house'))
    house = 4 * int(sum(shape.area for shape in HOUSES))
    assert pixels_of(cfg) == [320 * 320 - house, house]
    assert "seg_map_path='" + arguments['source'][1] in text and 'seg_map_suffix' not in text
    assert f'polygons {arguments["source"][1]}: background ' in told


def test_a_vector_file_for_each_image(places, tmp_path):
    arguments = places()
    write_polygons(tmp_path / 'ours' / 'polygons' / 'a.geojson', HOUSES)
    arguments['source'][1] = str(tmp_path / 'ours' / 'polygons')
    cfg, text, told = configured(arguments)
    assert "seg_map_suffix='.geojson'" in text and 'classes are called background, polygon' in told
    assert pixels_of(cfg)[1] == 4 * int(sum(shape.area for shape in HOUSES))


@pytest.mark.parametrize('classes', [(), ('land', 'roof', 'water')])
def test_an_attribute_tells_the_class(places, tmp_path, classes):
    arguments = places()
    shapes, kinds = [*HOUSES, POND], ['house', 'house', 'pond']
    arguments['source'][1] = write_polygons(tmp_path / 'city.gpkg', shapes, kind=kinds)
    arguments['target'].append(write_polygons(tmp_path / 'theirs.gpkg', [POND], kind=['pond']))
    cfg, text, _ = configured(arguments, classes=classes, label_attribute='kind')
    names = classes or ('background', 'house', 'pond')
    assert cfg.train_dataloader.dataset.source.metainfo.classes == names
    house, pond = 4 * int(sum(shape.area for shape in HOUSES)), 4 * int(POND.area)
    assert pixels_of(cfg) == [320 * 320 - house - pond, house, pond]
    # The target's only class is the source's third.
    called = dict(house=names[1], pond=names[2])
    assert cfg.val_dataloader.dataset.label_polygons == dict(attribute='kind', classes=called)


def test_what_the_polygons_leave_open_is_told(places, tmp_path):
    arguments = places()
    city = arguments['source'][1] = write_polygons(tmp_path / 'city.gpkg', HOUSES, kind=['house', 'shed'])
    with pytest.raises(UserError, match=f"{city} has no attribute 'sort', but kind; correct"):
        configured(arguments, label_attribute='sort')
    with pytest.raises(UserError, match='3 names were given, a, b, c, but the labels hold 2 classes'):
        configured(arguments, classes=('a', 'b', 'c'))
    arguments['target'].append(write_polygons(tmp_path / 'theirs.gpkg', HOUSES, kind=['barn', 'shed']))
    with pytest.raises(UserError, match='the labels of the target hold barn, which those of the source do not'):
        configured(arguments, label_attribute='kind')
    arguments['source'][1] = write_polygons(tmp_path / 'far.gpkg', [shapely.box(900, 900, 999, 999)])
    with pytest.raises(UserError, match='no polygon of .*far.gpkg lies on .*a.tif'):
        configured(dict(arguments, target=arguments['target'][:1]))
    assert not arguments['out'].exists()


def test_attributes_of_rasters_are_refused(places):
    with pytest.raises(UserError, match='is a raster, which has no attributes; leave out --label-attribute'):
        configured(places(), label_attribute='kind')


def test_a_label_raster_of_another_resolution_that_covers_all(places, tmp_path):
    arguments = places()
    label = np.zeros((1, 100, 100), np.uint8)
    label[:, :, 40:] = 1
    write(tmp_path / 'all.tif', label, gsd=2.0)
    arguments['source'][1] = str(tmp_path / 'all.tif')
    cfg, text, told = configured(arguments)
    assert "label_grid='own'" in text and 'on a grid of their own' in told
    assert pixels_of(cfg) == [320 * 160, 320 * 160]


def test_a_label_of_another_size_without_georeference_is_refused(places, tmp_path):
    arguments = places()
    write(tmp_path / 'ours' / 'labels' / 'a.tif', np.eye(90, dtype=np.uint8)[None], gsd=None)
    with pytest.raises(UserError, match='a.tif is 90 x 90 px, but its image'):
        configured(arguments)
