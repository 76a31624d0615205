"""Maps judged against the truth by one call or one command, in all the forms that files have."""

import json
import subprocess
import sys

import cv2
import numpy as np
import pytest
import rasterio
from rasterio import Affine
from rasterio.crs import CRS

from mmuda.apis import LabelOptions, UserError, evaluate_map
from tests.helpers import ROOT
from tests.helpers.class_maps import NORTH_UP, box, patches, with_errors, write_classes, write_polygons

CLASSES = ('ground', 'building', 'tree')
COLOURS = ((200, 200, 160), (220, 60, 40), (40, 120, 40))
TWO = ('ground', 'building')


@pytest.fixture
def labels():
    truth = patches((60, 80))
    return with_errors(truth), truth


def confusion(predicted, truth, num_classes=3):
    found = np.zeros((num_classes, num_classes), int)
    for t, p in zip(truth.ravel().tolist(), predicted.ravel().tolist(), strict=True):
        if t != 255 and p != 255:
            found[t, p] += 1
    return found.tolist()


def judged(*args, **kwargs):
    return evaluate_map(*args, report=None, **kwargs)


def counted(*args, **kwargs):
    return judged(*args, **kwargs).pixels.confusion.tolist()


def test_what_is_written_holds_the_scores(tmp_path, labels):
    predicted, truth = labels
    map_path = write_classes(tmp_path / 'map.tif', predicted, names=CLASSES, colours=COLOURS, nodata=255)
    truth_path = write_classes(tmp_path / 'truth.tif', truth)
    lines = []
    scores = evaluate_map(map_path, truth_path, tmp_path / 'out', objects=['building'], report=lines.append)
    assert scores.classes == CLASSES
    written = json.loads((tmp_path / 'out' / 'metrics.json').read_text())
    expected = confusion(predicted, truth)
    assert written['confusion_rows_truth_columns_map'] == expected
    hits = np.diag(expected)
    ious = hits / (np.sum(expected, axis=0) + np.sum(expected, axis=1) - hits)
    assert [written['per_class'][name]['iou'] for name in CLASSES] == pytest.approx(ious.tolist())
    assert written['miou'] == pytest.approx(ious.mean())
    assert written['boundary_tolerance'] == pytest.approx(1.0, rel=0.01)
    assert written['objects']['building']['in_truth'] > 3
    table = (tmp_path / 'out' / 'table.md').read_text()
    assert table.strip() == str(scores) == lines[-1].split('\n\nWritten')[0]
    assert f'{100 * ious.mean():.2f}' in table
    assert sorted(path.name for path in (tmp_path / 'out').iterdir()) == ['metrics.json', 'picture.png', 'table.md']
    picture = cv2.imread(str(tmp_path / 'out' / 'picture.png'))[..., ::-1].reshape(-1, 3)
    for colour in COLOURS:  # the colour table of the map is used for both panels
        assert (picture == colour).all(axis=1).sum() > 1000


def test_classes_of_two_files_are_matched_by_name(tmp_path, labels):
    predicted, truth = labels
    map_path = write_classes(tmp_path / 'map.tif', predicted, names=CLASSES)
    order = np.array([2, 0, 1], np.uint8)  # ground is 2 in the truth, building 0, tree 1
    truth_path = write_classes(tmp_path / 'truth.tif', order[truth], names=('building', 'tree', 'ground'))
    assert counted(map_path, truth_path) == confusion(predicted, truth)


def test_a_mapping_brings_classes_together(tmp_path, labels):
    predicted, truth = labels
    map_path = write_classes(tmp_path / 'map.tif', predicted, names=CLASSES)
    truth_path = write_classes(tmp_path / 'truth.tif', truth, names=('soil', 'building', 'tree'))
    with pytest.raises(
        UserError, match="truth.tif has the classes soil, .* but ground, building, tree are scored, .* 'soil' is there"
    ):
        judged(map_path, truth_path)
    of_truth = LabelOptions(mapping=dict(soil='ground', tree='ignore'))
    expected = confusion(predicted, np.where(truth == 2, 255, truth))
    assert counted(map_path, truth_path, truth_labels=of_truth) == expected
    both = judged(map_path, truth_path, map_labels=LabelOptions(mapping=dict(tree='ground')),
                  truth_labels=LabelOptions(mapping=dict(soil='ground', tree='ground')))  # fmt: skip
    assert both.classes == TWO
    merged = [np.where(label == 2, 0, label) for label in labels]
    assert both.pixels.confusion.tolist() == confusion(*merged, 2)


def test_a_truth_in_colours_is_read_by_the_maps_colours_or_by_those_given(tmp_path, labels):
    predicted, truth = labels
    map_path = write_classes(tmp_path / 'map.tif', predicted, names=CLASSES, colours=COLOURS)
    painted = np.moveaxis(np.array(COLOURS, np.uint8)[truth], -1, 0)
    truth_path = write_classes(tmp_path / 'truth.tif', painted, photometric='RGB')
    assert counted(map_path, truth_path) == confusion(predicted, truth)
    plain = write_classes(tmp_path / 'plain.tif', predicted)
    given = LabelOptions(colours=dict(zip(COLOURS, CLASSES, strict=True)))
    found = judged(plain, truth_path, classes=CLASSES, truth_labels=given)
    assert found.pixels.confusion.tolist() == confusion(predicted, truth)


def test_numbers_can_be_named_and_left_out(tmp_path, labels):
    predicted, truth = labels
    map_path = write_classes(tmp_path / 'map.tif', predicted, names=CLASSES)
    truth_path = write_classes(tmp_path / 'truth.tif', truth.astype(np.int16) * 100)
    of_truth = LabelOptions(values={0: 'ground', 100: 'building', 200: 'ignore'})
    expected = confusion(predicted, np.where(truth == 2, 255, truth))
    assert counted(map_path, truth_path, truth_labels=of_truth) == expected
    plain = write_classes(tmp_path / 'plain.tif', truth)
    holes = np.where(truth == 1, -9999, truth.astype(np.int16))
    path = write_classes(tmp_path / 'holes.tif', holes)
    assert counted(map_path, path, ignore=[-9999]) == confusion(predicted, np.where(truth == 1, 255, truth))
    assert counted(map_path, plain, ignore=[0, 255]) == confusion(
        np.where(predicted == 0, 255, predicted), np.where(truth == 0, 255, truth)
    )


def polygons(tmp_path, suffix='.gpkg'):
    shapes = [box(2, 3, 10, 12), box(15, 20, 8, 9), box(40, 50, 10, 10)]
    burnt = np.zeros((60, 80), np.uint8)
    burnt[2:12, 3:15] = burnt[15:23, 20:29] = burnt[40:50, 50:60] = 1
    return write_polygons(tmp_path / f'truth{suffix}', shapes, id=[1, 2, 3]), burnt


def test_polygons_judge_a_raster_and_a_raster_judges_polygons(tmp_path):
    path, burnt = polygons(tmp_path)
    predicted = with_errors(burnt)
    raster = write_classes(tmp_path / 'map.tif', predicted, names=TWO)
    found = judged(raster, path, objects=['building'])
    assert found.pixels.confusion.tolist() == confusion(predicted, burnt, 2)
    assert found.objects['building'].true == 3
    assert counted(path, raster) == confusion(burnt, predicted, 2)
    assert counted(path, path, classes=TWO, grid=raster) == confusion(burnt, burnt, 2)


@pytest.mark.parametrize('crs', ['EPSG:32636', 'EPSG:4326'])
def test_two_files_of_polygons_need_a_pixel_size(tmp_path, crs):
    shapes = [box(0, 0, 40, 40), box(60, 60, 20, 20)]
    moved = [box(0, 10, 40, 40), box(60, 60, 20, 20)]
    paths = []
    for name, group in dict(map=moved, truth=shapes).items():
        path = tmp_path / f'{name}.gpkg'
        if crs == 'EPSG:4326':
            group = [_in_degrees(shape) for shape in group]
        paths.append(write_polygons(path, group, crs, id=[1, 2]))
    with pytest.raises(UserError, match='are both polygons.*--gsd'):
        judged(*paths, classes=TWO)
    scores = judged(*paths, classes=TWO, gsd=0.25, objects=['building'])
    assert scores.pixels.total == pytest.approx((80 * 2) ** 2, rel=0.03)
    areas = scores.pixels.confusion * 0.25**2
    assert areas[1, 1] == pytest.approx(30 * 40 / 4 + 100, rel=0.03)
    assert areas[1, 0] == pytest.approx(10 * 40 / 4, rel=0.05)
    found = scores.objects['building']
    assert (found.mapped, found.true, found.matched) == (2, 2, 2)
    assert found.mean_iou == pytest.approx((30 / 50 + 1) / 2, abs=0.02)


def _in_degrees(shape):
    import shapely
    from rasterio.warp import transform

    def move(points):
        return np.column_stack(transform('EPSG:32636', 'EPSG:4326', *points.T))

    return shapely.transform(shape, move)


def test_small_objects_are_left_out_by_their_area_on_the_ground(tmp_path):
    path, burnt = polygons(tmp_path)
    raster = write_classes(tmp_path / 'map.tif', burnt, names=TWO)
    for area, number in ((17.0, 3), (20.0, 2), (26.0, 1)):  # 18, 25 and 30 m2
        found = judged(raster, path, objects=['building'], min_area=area).objects['building']
        assert (found.mapped, found.true, found.matched) == (number,) * 3


def test_the_command_writes_the_same(tmp_path):
    path, burnt = polygons(tmp_path, '.geojson')
    predicted = with_errors(burnt)
    raster = write_classes(tmp_path / 'map.tif', predicted)
    region = write_polygons(tmp_path / 'regions.gpkg', [box(0, 0, 60, 40)], name=['west'])
    command = [sys.executable, 'tools/evaluate_map.py', raster, path, '--classes', *TWO, '--out', str(tmp_path / 'out'),
               '--truth-attribute', 'id', '--truth-values', '1=building', '2=building', '3=ignore', '--objects',
               'building', '--tolerance', '1.5', '--regions', region]  # fmt: skip
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    written = json.loads((tmp_path / 'out' / 'metrics.json').read_text())
    burnt[40:50, 50:60] = 255
    assert written['confusion_rows_truth_columns_map'] == confusion(predicted, burnt, 2)
    expected = confusion(predicted[:, :40], burnt[:, :40], 2)
    assert written['regions']['west']['confusion_rows_truth_columns_map'] == expected
    assert written['boundary_tolerance'] == 1.5
    assert (tmp_path / 'out' / 'table.md').read_text() in done.stdout.replace('\n\nWritten', '\n')


ELSEWHERE = Affine(0.5, 0.0, 480000.0, 0.0, -0.5, 90000.0)
WRONG = dict(
    elsewhere=(dict(transform=ELSEWHERE), r'truth.tif \(EPSG:32636\) does not overlap .*map.tif'),
    unplaced=(dict(crs=None, transform=Affine.identity()), 'truth.tif has no projection, but .*map.tif has one'),
    no_class=(dict(fill=7), 'truth.tif holds the value 7, but only 0, 1, 2, 255 are allowed'),
    empty=(dict(fill=255), 'truth.tif has no class at any pixel of .*map.tif'),
    other_names=(
        dict(names=('a', 'b', 'c')),
        'truth.tif has the classes a, b, c, but ground, building, tree are scored',
    ),
)


@pytest.mark.parametrize('case', WRONG)
@pytest.mark.filterwarnings('ignore::rasterio.errors.NotGeoreferencedWarning')
def test_what_cannot_be_compared_is_one_sentence_and_no_file(tmp_path, labels, case):
    options, message = WRONG[case]
    options = dict(options)
    truth = np.full_like(labels[1], options.pop('fill')) if 'fill' in options else labels[1]
    map_path = write_classes(tmp_path / 'map.tif', labels[0], names=CLASSES)
    truth_path = write_classes(tmp_path / 'truth.tif', truth, **options)
    with pytest.raises(UserError, match=message):
        judged(map_path, truth_path, tmp_path / 'out')
    assert not (tmp_path / 'out').exists()


def test_polygons_elsewhere_do_not_overlap(tmp_path, labels):
    map_path = write_classes(tmp_path / 'map.tif', labels[0] % 2, names=TWO)
    truth_path = write_polygons(tmp_path / 'truth.gpkg', [box(900, 900, 5, 5)], id=[1])
    with pytest.raises(UserError, match='truth.gpkg does not overlap .*map.tif'):
        judged(map_path, truth_path)


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(objects=['car']), "'car' are asked for; give one of ground, building, tree"),
        (dict(object_iou=0), 'object_iou=0 matches'),
        (dict(object_iou=1.5), 'object_iou=1.5; give a number between 0 and 1'),
        (dict(tolerance=-1.0), 'tolerance=-1.0; give a number of at least 0'),
        (dict(grid='truth.tif'), '--grid is for maps of polygons'),
        (dict(classes=('a', 'a', 'b')), 'hold a name twice'),
        (dict(truth_labels=LabelOptions(background='ground')), 'is for polygons, but .*truth.tif is a raster'),
        (dict(truth_labels=LabelOptions(values={0: 'car'})), "name the class 'car'; give one of ground"),
    ],
)
def test_an_option_that_does_not_fit_is_one_sentence(tmp_path, monkeypatch, labels, options, message):
    monkeypatch.chdir(tmp_path)
    write_classes(tmp_path / 'map.tif', labels[0], names=CLASSES)
    write_classes(tmp_path / 'truth.tif', labels[1])
    with pytest.raises(UserError, match=message):
        judged('map.tif', 'truth.tif', **options)


def test_missing_files_and_outputs_that_are_inputs_are_refused(tmp_path, labels):
    map_path = write_classes(tmp_path / 'map.tif', labels[0], names=CLASSES)
    with pytest.raises(FileNotFoundError, match='absent.tif does not exist'):
        judged(map_path, tmp_path / 'absent.tif')
    truth = write_classes(tmp_path / 'picture.png', labels[1], driver='PNG', crs=None, transform=None)
    before = (tmp_path / 'picture.png').read_bytes()
    with pytest.raises(UserError, match='picture.png is read as an input'):
        judged(map_path, truth, tmp_path)
    assert (tmp_path / 'picture.png').read_bytes() == before


def test_an_output_that_is_an_input_is_refused_before_anything_is_written(tmp_path):
    path, burnt = polygons(tmp_path, '.geojson')
    map_path = write_classes(tmp_path / 'map.tif', burnt, names=TWO)
    (tmp_path / 'truth.geojson').rename(tmp_path / 'metrics.json')
    with pytest.raises(UserError, match='metrics.json is read as an input'):
        judged(map_path, tmp_path / 'metrics.json', tmp_path)
    assert sorted(file.suffix for file in tmp_path.iterdir()) == ['.json', '.tif', '.xml']


@pytest.mark.filterwarnings('ignore::rasterio.errors.NotGeoreferencedWarning')
def test_files_without_projection_are_compared_pixel_by_pixel(tmp_path, labels):
    bare = dict(crs=None, transform=Affine.identity())
    map_path = write_classes(tmp_path / 'map.tif', labels[0], names=CLASSES, **bare)
    truth_path = write_classes(tmp_path / 'truth.tif', labels[1], **bare)
    scores = judged(map_path, truth_path)
    assert scores.pixels.confusion.tolist() == confusion(*labels)
    assert scores.to_dict()['boundary_tolerance_unit'] == 'px'
    smaller = write_classes(tmp_path / 'smaller.tif', labels[1][1:], **bare)
    with pytest.raises(UserError, match='their sizes differ'):
        judged(map_path, smaller)
    with pytest.raises(UserError, match='min_area=5 m2 needs the size of a pixel'):
        judged(map_path, truth_path, objects=['tree'], min_area=5)


def test_a_float_map_with_nan_is_read(tmp_path, labels):
    predicted, truth = labels
    values = np.where(predicted == 255, np.nan, predicted).astype(np.float32)
    map_path = write_classes(tmp_path / 'map.tif', values)
    with rasterio.open(map_path) as written:
        assert (written.crs, written.transform) == (CRS.from_epsg(32636), NORTH_UP)
    truth_path = write_classes(tmp_path / 'truth.tif', truth, names=CLASSES)
    assert counted(map_path, truth_path) == confusion(predicted, truth)
