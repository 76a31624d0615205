"""Labels from polygons in vector files, and label rasters on a grid of their own."""

import json
import sys

import numpy as np
import pyogrio
import pytest
import rasterio
import rasterio.features
import shapely
from rasterio import Affine
from rasterio.warp import transform_geom

from mmuda.datasets import RasterDataset
from mmuda.datasets.class_counts import class_counts
from mmuda.registry import DATASETS

CLASSES = ('ground', 'building')
TRANSFORM = Affine(0.5, 0.0, 500000.0, 0.0, -0.5, 5000000.0)
TURNED = Affine(*(TRANSFORM @ Affine.rotation(17.0) @ Affine.translation(3.3, 1.7))[:6])
RING = shapely.Polygon(
    [(2.1, 3.3), (31, 4.2), (28.2, 33.7), (5.3, 29.1)], [[(9, 9.1), (20, 10), (18.3, 21), (9.9, 20)]]
)
SEVERAL = shapely.MultiPolygon([shapely.box(36.3, 2.2, 44.9, 12.7), shapely.Point(49, 30).buffer(7.3)])
CROSSING = shapely.Polygon([(-9, 30.3), (12.2, 36.4), (70, 44), (70, 47.1), (-9, 38.2)])
SHAPES = [RING, SEVERAL, CROSSING]


def on_ground(shapes, transform=TRANSFORM):
    """Shapes in pixels -> in the map."""
    a, b, c, d, e, f = tuple(transform)[:6]
    return [shapely.affinity.affine_transform(shape, [a, b, d, e, c, f]) for shape in shapes]


def place(path, crs, transform):
    """Give a raster a georeference."""
    with rasterio.open(path, 'r+') as raster:
        raster.crs, raster.transform = crs, transform


def write_vector(path, shapes, crs='EPSG:32633', **fields):
    """Write shapes of the map of EPSG:32633 in another system."""
    moved = [shapely.geometry.shape(transform_geom('EPSG:32633', crs, shape, precision=-1)) for shape in shapes]
    kind = {shape.geom_type for shape in moved}
    pyogrio.raw.write(
        path,
        np.array([shapely.to_wkb(shape) for shape in moved], dtype=object),
        [np.array(values) for values in fields.values()],
        fields=list(fields),
        geometry_type=kind.pop() if len(kind) == 1 else 'Unknown',
        crs=crs,
    )
    return path


@pytest.fixture
def images(tmp_path, write_raster, coded_image):
    """A folder with an image of 40 x 60 px."""
    write_raster(tmp_path / 'images' / 'a.tif', coded_image(40, 60), gsd=0.5)
    return tmp_path


def dataset(root, label, classes=CLASSES, tile=None, **options):
    return RasterDataset(
        data_root=str(root),
        data_prefix=dict(img_path='images', seg_map_path=label),
        metainfo=dict(classes=classes),
        tile=tile,
        pipeline=[dict(type='LoadRasterWindow')],
        **options,
    )


def whole(data):
    """The labels of all items, put together on the raster's grid."""
    label = np.full(data.rasters[0].shape, 99, np.uint8)
    for item in data:
        row, col, height, width = item['window']
        label[row : row + height, col : col + width] = item['gt_seg_map']
    return label


def burnt(shapes, transform=TRANSFORM, **options):
    return rasterio.features.rasterize(shapes, (40, 60), transform=transform, dtype='uint8', **options)


@pytest.mark.parametrize('name', ['a.geojson', 'a.gpkg', 'a.shp', 'a.fgb'])
@pytest.mark.parametrize('all_touched', [False, True])
@pytest.mark.parametrize('tile', [None, (7, 11)])
def test_holes_parts_and_edges_as_rasterio_burns_them(images, name, all_touched, tile):
    shapes = on_ground(SHAPES)
    (images / 'labels').mkdir()
    write_vector(images / 'labels' / name, shapes)
    options = dict(label_polygons=dict(all_touched=all_touched), seg_map_suffix=name[1:], tile=tile)
    expected = burnt([(shape, 1) for shape in shapes], all_touched=all_touched)
    assert 0.1 < expected.mean() < 0.9
    np.testing.assert_array_equal(whole(dataset(images, 'labels', **options)), expected)


@pytest.mark.parametrize('crs', ['EPSG:4326', 'EPSG:32632', 'EPSG:3857'])
def test_polygons_in_another_projection(images, crs):
    shapes = on_ground(SHAPES)
    path = write_vector(images / 'all.gpkg', shapes, crs)
    there = [transform_geom(crs, 'EPSG:32633', shapely.from_wkb(w), precision=-1) for w in pyogrio.raw.read(path)[2]]
    found = whole(dataset(images, 'all.gpkg'))
    np.testing.assert_array_equal(found, burnt(there, default_value=1))
    assert (found != burnt(shapes)).mean() < 0.01


def test_a_turned_image(tmp_path, write_raster, coded_image):
    place(write_raster(tmp_path / 'images' / 'a.tif', coded_image(40, 60)), 'EPSG:32633', TURNED)
    write_vector(tmp_path / 'all.gpkg', on_ground(SHAPES, TURNED))
    pixels = burnt(SHAPES, Affine.identity())
    found = whole(dataset(tmp_path, 'all.gpkg', gsd=0.5, tile=(9, 13)))
    np.testing.assert_array_equal(found, pixels)


def test_an_attribute_tells_the_class_and_later_polygons_lie_on_top(images):
    shapes = on_ground([*SHAPES, shapely.box(10, 0, 20, 40)])
    write_vector(images / 'all.gpkg', shapes, kind=np.array(['house', 'tree', 'hut', 'road'], dtype=object))
    classes = ('road', 'building', 'tree')
    options = dict(attribute='kind', classes=dict(house='building', hut=None), background=None)
    found = whole(dataset(images, 'all.gpkg', classes, label_polygons=options, tile=(8, 8)))
    np.testing.assert_array_equal(found, burnt(zip(shapes, (1, 2, 255, 0), strict=True), fill=255))


def test_whole_numbers_with_gaps_and_missing_values(images):
    shapes = on_ground(SHAPES)
    write_vector(images / 'all.gpkg', shapes, code=np.array([1.0, np.nan, 2.0]))
    options = dict(attribute='code', classes={1: 'building', 2: 'ground', None: None})
    found = whole(dataset(images, 'all.gpkg', label_polygons=options))
    np.testing.assert_array_equal(found, burnt(zip(shapes, (1, 255, 0), strict=True)))


def test_a_chosen_subset_of_classes(images):
    shapes = on_ground(SHAPES)
    write_vector(images / 'all.gpkg', shapes, kind=np.array(['a', 'b', 'c'], dtype=object))

    @DATASETS.register_module(force=True)
    class Lettered(RasterDataset):
        METAINFO = dict(classes=('none', 'a', 'b', 'c'), palette=[[0, 0, 0], [1, 0, 0], [2, 0, 0], [3, 0, 0]])

    data = Lettered(
        data_root=str(images),
        data_prefix=dict(img_path='images', seg_map_path='all.gpkg'),
        metainfo=dict(classes=('c', 'a')),
        label_polygons=dict(attribute='kind'),
        pipeline=[dict(type='LoadRasterWindow')],
    )
    np.testing.assert_array_equal(whole(data), burnt(zip(shapes, (1, 255, 0), strict=True), fill=255))


def test_the_same_batches_and_counts_as_from_a_burnt_raster(images, write_raster):
    shapes = on_ground(SHAPES)
    write_vector(images / 'all.geojson', shapes, 'EPSG:32633')
    label = burnt(shapes)
    write_raster(images / 'labels' / 'a.tif', label, gsd=0.5)

    def batches(where):
        np.random.seed(7)
        data = RasterDataset(
            data_root=str(images),
            data_prefix=dict(img_path='images', seg_map_path=where),
            metainfo=dict(classes=CLASSES),
            samples_per_raster=20,
            pipeline=[
                dict(type='RandomGroundCrop', extent=8.0),
                dict(type='LoadRasterWindow'),
                dict(type='RandomFlip', prob=0.5),
            ],
        )
        counts = class_counts(data)
        return [(item['img'], item['gt_seg_map']) for item in data], counts.pixels.sum(axis=0)

    (first, counts), (second, others) = batches('all.geojson'), batches('labels')
    for (image, label), (other_image, other_label) in zip(first, second, strict=True):
        np.testing.assert_array_equal(image, other_image)
        np.testing.assert_array_equal(label, other_label)
    np.testing.assert_array_equal(counts, others)
    assert any(label.any() for _, label in first)


def test_counts_follow_a_changed_file(images):
    pixels = []
    for shapes in (SHAPES, SHAPES[:1]):
        write_vector(images / 'all.geojson', on_ground(shapes))
        pixels.append(class_counts(dataset(images, 'all.geojson')).pixels.sum(axis=0).tolist())
        assert pixels[-1][1] == burnt(on_ground(shapes)).sum()
    assert pixels[0] != pixels[1]


def lines(path):
    write_vector(path, [shapely.LineString([(500001, 4999999), (500010, 4999990)])])


def far_away(path):
    write_vector(path, [shapely.box(600000, 5000000, 600100, 5000100)])


def without_system(path):
    pyogrio.raw.write(path, np.array([shapely.to_wkb(shapely.box(0, 0, 1, 1))], dtype=object), [], [],
                      geometry_type='Polygon', crs=None)  # fmt: skip


def two_layers(path):
    for layer in ('roads', 'houses'):
        pyogrio.raw.write(path, np.array([shapely.to_wkb(on_ground([RING])[0])], dtype=object), [], [],
                          geometry_type='Polygon', crs='EPSG:32633', layer=layer, append=path.exists())  # fmt: skip


def with_kind(path):
    write_vector(path, on_ground(SHAPES), kind=np.array(['house', 'shed', 'barn'], dtype=object))


@pytest.mark.parametrize(
    ('write', 'options', 'message'),
    [
        (lines, None, r'all.gpkg holds a LineString, but labels and regions are polygons; draw a buffer'),
        (far_away, None, r'no polygon of .*all.gpkg lies on .*a.tif; check the coordinate reference systems'),
        (without_system, None, r'all.gpkg names no coordinate reference system'),
        (two_layers, None, r'all.gpkg has the layers roads, houses; set label_polygons=dict\(layer=...\)'),
        (two_layers, dict(layer='trees'), r'all.gpkg has the layers roads, houses; set'),
        (with_kind, dict(attribute='sort'), r"all.gpkg has no attribute 'sort', but kind; correct attribute"),
        (with_kind, dict(attribute='kind'), r'polygons with kind=barn, house, shed, but only ground, building are'),
        (with_kind, dict(classes='house'), r"names the class 'house'; give one of ground, building"),
        (with_kind, dict(klass='building'), r"label_polygons=\{'klass': 'building'\} of RasterDataset; give dict\("),
        (lambda path: path.write_text('no database'), None, r'all.gpkg cannot be read as a vector file'),
    ],
)
def test_what_is_wrong_is_told(images, write, options, message):
    write(images / 'all.gpkg')
    with pytest.raises(ValueError, match=message):
        dataset(images, 'all.gpkg', label_polygons=options)


def test_classes_of_polygons_must_be_told_apart(images):
    write_vector(images / 'all.gpkg', on_ground(SHAPES))
    with pytest.raises(ValueError, match='does not say which of ground, road, tree a polygon is; give attribute'):
        dataset(images, 'all.gpkg', ('ground', 'road', 'tree'))
    found = whole(dataset(images, 'all.gpkg', ('ground', 'road', 'tree'), label_polygons=dict(classes='tree')))
    np.testing.assert_array_equal(found, 2 * burnt(on_ground(SHAPES)))


def test_options_for_rasters_do_not_go_with_polygons(images):
    write_vector(images / 'all.gpkg', on_ground(SHAPES))
    with pytest.raises(ValueError, match='is a vector file, so label_values, .* do not go with it'):
        dataset(images, 'all.gpkg', label_values={0: 0, 1: 1})
    with pytest.raises(ValueError, match='label_polygons of RasterDataset needs vector labels, but .*a.tif is none'):
        dataset(images, 'images/a.tif', label_polygons=dict(all_touched=True))


def test_an_image_without_polygons_is_noted(images, write_raster, coded_image):
    write_vector(images / 'all.gpkg', on_ground(SHAPES))
    write_raster(images / 'images' / 'b.tif', coded_image(40, 60), gsd=0.5, origin=(501000.0, 5000000.0))
    (note,) = dataset(images, 'all.gpkg').notes
    assert 'b.tif has no polygon in ' in note


def test_an_image_without_georeference(images, write_raster, coded_image):
    write_vector(images / 'all.gpkg', on_ground(SHAPES))
    write_raster(images / 'images' / 'a.tif', coded_image(40, 60))
    with pytest.raises(
        ValueError, match='a.tif has no georeference, so nothing tells where the polygons of .*all.gpkg'
    ):
        dataset(images, 'all.gpkg', gsd=0.5)


def test_the_extra_that_reads_vector_files(images, monkeypatch):
    write_vector(images / 'all.gpkg', on_ground(SHAPES))
    monkeypatch.setitem(sys.modules, 'pyogrio', None)
    with pytest.raises(
        ValueError, match=r'all.gpkg is a vector file; reading it needs the extra `vector`: .*\[vector\]'
    ):
        dataset(images, 'all.gpkg')


def test_a_label_raster_on_a_grid_of_its_own(images, write_raster):
    """A label of 0.4 m in UTM zone 32 that covers part of the image, against the nearest pixel by hand."""
    rng = np.random.default_rng(0)
    label = rng.integers(0, 2, (60, 50)).astype(np.uint8)
    there = Affine(0.4, 0.0, 0.0, 0.0, -0.4, 0.0)
    x, y = rasterio.warp.transform('EPSG:32633', 'EPSG:32632', [500002.0], [4999998.0])
    there = Affine.translation(x[0], y[0]) @ there
    place(write_raster(images / 'labels' / 'a.tif', label), 'EPSG:32632', there)
    rows, cols = np.mgrid[:40, :60]
    x, y = TRANSFORM.a * (cols + 0.5) + TRANSFORM.c, TRANSFORM.e * (rows + 0.5) + TRANSFORM.f
    x, y = (np.array(v) for v in rasterio.warp.transform('EPSG:32633', 'EPSG:32632', x.ravel(), y.ravel()))
    col, row = np.floor((x - there.c) / 0.4).astype(int), np.floor((y - there.f) / -0.4).astype(int)
    inside = (col >= 0) & (col < 50) & (row >= 0) & (row < 60)
    expected = np.where(inside, label[row.clip(0, 59), col.clip(0, 49)], 255).reshape(40, 60)
    assert 0.2 < inside.mean() < 0.9
    found = whole(dataset(images, 'labels', label_grid='own', tile=(9, 14)))
    assert (found != expected).mean() < 0.002  # GDAL approximates the projection to an eighth of a pixel
    with pytest.raises(ValueError, match='is 60 x 50 px, but its image'):
        dataset(images, 'labels')


def test_one_label_raster_for_many_images(images, write_raster, coded_image):
    write_raster(images / 'images' / 'b.tif', coded_image(40, 60), gsd=0.5, origin=(500030.0, 5000000.0))
    label = np.zeros((40, 120), np.uint8)
    label[:, 60:] = 1
    write_raster(images / 'city.tif', label, gsd=0.5)
    data = dataset(images, 'city.tif', label_grid='own')
    assert [item['gt_seg_map'].mean() for item in data] == [0, 1]
    write_raster(images / 'images' / 'c.tif', coded_image(40, 60), gsd=0.5, origin=(500090.0, 5000000.0))
    with pytest.raises(ValueError, match='city.tif .* does not overlap its image .*c.tif'):
        dataset(images, 'city.tif', label_grid='own')


def test_a_geojson_as_the_web_writes_it(images):
    """No name of a reference system means longitude and latitude; three coordinates and empty shapes are common."""
    shape = transform_geom('EPSG:32633', 'EPSG:4326', on_ground([RING])[0], precision=-1)
    shape['coordinates'] = [[[*point, 120.5] for point in ring] for ring in shape['coordinates']]
    features = [dict(type='Feature', properties={}, geometry=shape), dict(type='Feature', properties={}, geometry=None)]
    (images / 'web.geojson').write_text(json.dumps(dict(type='FeatureCollection', features=features)))
    found = whole(dataset(images, 'web.geojson'))
    assert (found != burnt(on_ground([RING]))).mean() < 0.002 and found.any()
