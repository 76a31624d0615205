"""A config for a user's own rasters: what is found in them, what is decided, and that it trains as it is."""

import json
import re
import subprocess
import sys

import numpy as np
import pytest
import rasterio
from rasterio.transform import from_origin

from mmuda.apis import UserError, check, init_model, load_config, new_config_of_rasters, predict_rasters, prepare, train
from mmuda.apis.inspect_rasters import endings
from mmuda.apis.recipes import METHODS
from mmuda.datasets import UDADataset
from mmuda.maps.inputs import find_rasters
from mmuda.registry import DATASETS
from tests.helpers import ROOT

RANDOM = 'model = dict(_base_.method, segmentor=dict(backbone=dict(init_cfg=None)))  # no download'


def write(path, image, gsd=0.5, nodata=None, colours=None, meanings=None):
    """(bands, height, width)"""
    path.parent.mkdir(parents=True, exist_ok=True)
    place = dict(driver='GTiff', dtype=image.dtype, count=len(image), nodata=nodata)
    if gsd is not None:
        place |= dict(crs='EPSG:32633', transform=from_origin(0, 0, gsd, gsd))
    with rasterio.open(path, 'w', height=image.shape[1], width=image.shape[2], **place) as raster:
        raster.write(image)
        if colours:
            raster.write_colormap(1, colours)
        if meanings:
            raster.colorinterp = meanings


@pytest.fixture
def places(tmp_path):
    """Makes two domains; returns the arguments ``source`` and ``target``."""
    rng = np.random.default_rng(0)

    def make(values=(0, 1), bands=3, dtype=np.uint8, gsds=(0.5, 0.25), sizes=(320, 640), most=256, **settings):
        colours = settings.pop('colours', None)
        for name, gsd, size in zip(('ours', 'theirs'), gsds, sizes, strict=True):
            image = rng.integers(0, most, (bands, size, size)).astype(dtype)
            write(tmp_path / name / 'images' / 'a.tif', image, gsd, **settings)
            label = np.array(values)[rng.integers(0, len(values), (1, size, size))].astype(np.uint8)
            write(tmp_path / name / 'labels' / 'a.tif', label, gsd, colours=colours)
        folders = {name: [str(tmp_path / name / kind) for kind in ('images', 'labels')] for name in ('ours', 'theirs')}
        return dict(source=folders['ours'], target=folders['theirs'][:1], out=tmp_path / 'mine.py')

    return make


def configured(arguments, **options):
    lines = []
    text = new_config_of_rasters(**arguments, report=lines.append, **options)
    return load_config(arguments['out']), text, '\n'.join(lines)


def test_the_config_is_short_and_trains_adapts_and_predicts(places, tmp_path):
    arguments = places(sizes=(200, 400))
    cfg, text, told = configured(arguments, classes=('ground', 'roof'))
    assert len(text.splitlines()) < 40
    arguments['out'].write_text(text.replace('model = _base_.method', RANDOM))
    cfg = load_config(arguments['out'], {'train_cfg.iters.train': 2})
    train(cfg, str(tmp_path / 'run'))
    assert (tmp_path / 'run' / 'chosen.pth').is_file()
    # The source's held out part is validated; nothing is known of the target.
    summary = json.loads((tmp_path / 'run' / 'summary.json').read_text())
    assert set(summary['metrics']) >= {'mIoU', 'IoU.ground', 'IoU.roof'}
    model = init_model(cfg, tmp_path / 'run' / 'chosen.pth', 'cpu')
    predict_rasters(model, arguments['target'], tmp_path / 'maps', report=lambda _: None)
    with rasterio.open(tmp_path / 'maps' / 'a.tif') as found:
        assert found.shape == (400, 400)
    for command in ('--check', 'predict.py', str(arguments['out'])):
        assert command in told


@pytest.mark.parametrize('below', ['', 'north/west'])
def test_the_command_for_the_maps_finds_the_rasters(places, tmp_path, below):
    arguments = places()
    folder = tmp_path / 'theirs' / 'images'
    (folder / below).mkdir(parents=True, exist_ok=True)
    (folder / 'a.tif').rename(folder / below / 'b_a.tif')
    (folder / 'other.tif').write_bytes((folder / below / 'b_a.tif').read_bytes())
    *_, told = configured(dict(arguments, target=[f'{folder}/b*.tif']))
    pattern = told.splitlines()[-1].split("'")[1]
    assert list(find_rasters([pattern], tmp_path / 'maps')) == [str(folder / below / 'b_a.tif')]


def test_training_and_held_out_parts_share_no_ground(places):
    cfg, *_ = configured(places())
    streams = UDADataset(**{k: v for k, v in cfg.train_dataloader.dataset.items() if k != 'type'})
    for stream, loader in ((streams.source, cfg.val_dataloader), (streams.target, cfg.test_dataloader)):
        held_out = DATASETS.build(loader.dataset)
        held_out.full_init()
        rows = [held_out.get_data_info(index)['window'] for index in range(len(held_out))]
        row, _, height, _ = stream.get_data_info(0)['window']
        assert row + height < min(window[0] for window in rows)
    assert not DATASETS.build(cfg.test_dataloader.dataset).labelled


@pytest.mark.parametrize(
    ('gsds', 'expected', 'why'),
    [
        ((1.0, 0.3), 0.5, 'the target is 3.3 times finer, and the source is enlarged 2 times at most'),
        ((0.5, 0.5), 0.5, 'that of the target'),
        ((0.5, 0.3), 0.3, 'that of the target'),
        ((0.2, 0.5), 0.5, 'the target is 2.5 times coarser, and the source is reduced to it'),
    ],
)
def test_the_scale_follows_from_both_domains(places, gsds, expected, why):
    cfg, text, told = configured(places(gsds=gsds, sizes=(800, 800)))
    assert f'\ngsd = {expected} ' in text and why in told
    assert cfg.test_dataloader.dataset.pipeline[1].gsd == expected


def test_labels_of_any_values_become_classes(places):
    cfg, _, told = configured(places(values=(3, 7, 112)))
    source = cfg.train_dataloader.dataset.source
    assert source.label_values == {3: 0, 7: 1, 112: 2} and source.metainfo.classes == (
        'class_3',
        'class_7',
        'class_112',
    )
    assert 'give their names by --classes' in told


@pytest.mark.parametrize(('values', 'label_values'), [((0, 255), {0: 0, 255: 1}), ((0, 1, 255), None)])
def test_255_is_a_class_of_a_mask_and_else_ignored(places, values, label_values):
    cfg, _, told = configured(places(values=values), classes=('ground', 'roof'))
    assert cfg.train_dataloader.dataset.source.get('label_values') == label_values
    assert ('ignored 0.0 %' in told) == (len(values) == 2)


def test_the_colours_of_a_table_are_kept(places):
    cfg, *_ = configured(places(colours={0: (9, 9, 9), 1: (200, 10, 20)}))
    assert cfg.test_dataloader.dataset.metainfo.palette == [[9, 9, 9], [200, 10, 20]]


def test_labels_in_colours_are_read(places, tmp_path):
    arguments = places()
    colours = np.array([[255, 255, 255], [0, 0, 255]], np.uint8)
    label = colours[np.random.default_rng(1).integers(0, 2, (320, 320))].transpose(2, 0, 1)
    write(tmp_path / 'ours' / 'labels' / 'a.tif', label)
    cfg, *_ = configured(arguments, classes=('building', 'impervious'))
    source = cfg.train_dataloader.dataset.source
    assert source.metainfo.palette == [[0, 0, 255], [255, 255, 255]]
    sample = DATASETS.build(dict(source, domain='source'))
    sample.full_init()
    window = tuple(sample[0]['data_samples'].window)
    row, col, height, width = window
    found = sample[0]['data_samples'].gt_sem_seg.data
    assert set(found.unique().tolist()) <= {0, 1, 255} and height and width and row + col >= 0


def test_values_of_16_bits_get_a_range_by_domain(places):
    cfg, _, told = configured(places(dtype=np.uint16, most=3000, nodata=0))
    low, high = cfg.train_dataloader.dataset.source.value_range
    assert 10 < low < 40 and 2950 < high < 3000 and 'values mostly' in told


@pytest.mark.parametrize('dtype', [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize('bands', [1, 2, 4, 10])
def test_any_number_of_bands_of_any_type_is_read(places, tmp_path, bands, dtype):
    arguments = places(bands=bands, dtype=dtype, most=256 if dtype == np.uint8 else 3000, sizes=(200, 400))
    cfg, _, told = configured(arguments)
    assert f'{bands} band{" is" if bands == 1 else "s are"} read' in told and 'pretrained weights are fitted' in told
    model = prepare(cfg).model
    assert model.segmentor.backbone.in_channels == len(model.data_preprocessor['mean']) == bands
    for name, domain in (('ours', 'source'), ('theirs', 'target')):
        stream = cfg.train_dataloader.dataset[domain]
        values = raster_of(tmp_path / name / 'images' / 'a.tif')
        low, high = stream.get('value_range', (0, 255))
        assert (stream.get('value_range') is None) == (dtype == np.uint8)
        expected = np.clip((values - low) / (high - low), 0, 1) * 255
        np.testing.assert_allclose(whole(stream), expected, atol=1e-2)
        assert expected.min() == 0 and expected.max() == 255 and 120 < expected.mean() < 135


def raster_of(path):
    with rasterio.open(path) as file:
        return np.moveaxis(file.read(), 0, -1).astype(np.float64)


def whole(stream):
    """The whole image (H, W, C) of a stream of one raster, as it is read."""
    dataset = DATASETS.build(dict(stream, part=None, pipeline=[dict(type='LoadRasterWindow', with_label=False)]))
    return dataset[0]['img']


def test_bands_of_other_ranges_get_their_own(places, tmp_path):
    """A band of heights beside reflectances."""
    arguments = places(bands=4, dtype=np.float32, most=3000)
    path = tmp_path / 'ours' / 'images' / 'a.tif'
    with rasterio.open(path, 'r+') as file:
        file.write(np.random.default_rng(0).uniform(20, 30, file.shape).astype(np.float32), 4)
    cfg, _, told = configured(arguments)
    ranges = cfg.train_dataloader.dataset.source.value_range
    assert len(ranges) == 4 and np.allclose(ranges[3], (20.05, 29.95), atol=0.06) and 2950 < ranges[0][1] < 3000
    assert 'source: values mostly by band ' in told
    # The target's bands would do with one range, but then the network would see other relations there.
    assert np.allclose(cfg.train_dataloader.dataset.target.value_range, [(15, 2985)] * 4, atol=15)
    image, values = whole(cfg.train_dataloader.dataset.source), raster_of(path)
    for band, (low, high) in enumerate(ranges):
        np.testing.assert_allclose(
            image[..., band], 255 * np.clip((values[..., band] - low) / (high - low), 0, 1), atol=0.01
        )
    assert image[..., 3].std() > 50  # it would be 0.3 in the range of the others


def test_a_band_of_one_value_is_to_be_left_out(places, tmp_path):
    arguments = places(bands=4, dtype=np.float32, most=3000)
    with rasterio.open(tmp_path / 'theirs' / 'images' / 'a.tif', 'r+') as file:
        file.write(np.full(file.shape, 7, np.float32), 3)
    with pytest.raises(UserError, match=r'band 3 of .*theirs.* holds the value 7 alone; leave it out by --bands'):
        new_config_of_rasters(**arguments, report=lambda _: None)
    cfg, *_ = configured(arguments, bands=['1', '2', '4'])
    assert cfg.train_dataloader.dataset.target.bands == (1, 2, 4)


def test_images_and_labels_in_one_folder_are_told_apart(tmp_path, places):
    arguments = places()
    for name in ('a', 'b'):
        for kind in ('image', 'label'):
            source = tmp_path / 'ours' / f'{kind}s' / 'a.tif'
            target = tmp_path / 'both' / f'{name}_{kind}.tif'
            target.parent.mkdir(exist_ok=True)
            target.write_bytes(source.read_bytes())
    assert endings(str(tmp_path / 'both')) == ('_image.tif', '_label.tif')
    cfg, *_ = configured(arguments | dict(source=[str(tmp_path / 'both')]))
    source = cfg.train_dataloader.dataset.source
    assert (source.img_suffix, source.seg_map_suffix) == ('_image.tif', '_label.tif')
    pattern = [str(tmp_path / 'both' / 'b*_image.tif'), str(tmp_path / 'both' / '*_label.tif')]
    cfg, *_ = configured(arguments | dict(source=pattern, out=tmp_path / 'other.py'))
    assert cfg.train_dataloader.dataset.source.name_prefix == 'b'


def test_labels_of_the_target_serve_the_test_alone(places):
    arguments = places()
    arguments['target'] = [arguments['target'][0], arguments['target'][0].replace('images', 'labels')]
    cfg, *_ = configured(arguments)
    assert cfg.train_dataloader.dataset.target.labelled is False
    assert cfg.val_dataloader.dataset.seg_map_suffix == '.tif'
    assert 'theirs' in cfg.val_dataloader.dataset.data_prefix.seg_map_path


@pytest.mark.parametrize('method', [name for name in METHODS if METHODS[name].base])
def test_each_method_is_written_or_refused(places, method):
    recipe = METHODS[method]
    arguments = places()
    try:
        cfg, *_ = configured(arguments, method=method)
    except UserError as error:
        assert 'does not train on plain crops' in str(error) or 'does not go with the model' in str(error)
        assert recipe.view in ('on_target', 'histogram', 'super_resolution') or recipe.streams or recipe.models
        assert not arguments['out'].exists()
    else:
        assert cfg.train_dataloader.dataset.target


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (dict(source=['nowhere', 'labels']), 'nowhere is no folder'),
        (dict(source=['a.tif']), 'a.tif is a file; give its folder'),
        (dict(source=['ours/images']), 'the source needs labels'),
        (dict(source=['ours/images', 'theirs/images']), 'holds more than 64 values'),
        (dict(source=['ours/images', 'empty']), '1 of 1 images have no label'),
        (dict(source=['empty', 'ours/labels']), 'holds no raster'),
        (dict(source=['ours/images', 'ours/labels', 'ours/labels']), '3 places were given for the source'),
        (dict(source=['ours/**/*.tif', 'ours/labels']), 'one star in its file name'),
        (dict(classes=['a', 'b', 'c']), '3 names were given, a, b, c, but the labels hold 2 classes: 0, 1'),
        (dict(method='mik'), "the method 'mik' is not known; did you mean mic"),
        (dict(method='srda'), 'srda does not train on plain crops of a labelled source and a target; there is'),
        (dict(model='srda_resaspp'), 'recommended does not go with the model srda_resaspp'),
    ],
)
def test_what_cannot_be_is_one_line_and_nothing_is_written(places, tmp_path, monkeypatch, change, message):
    arguments = places()
    (tmp_path / 'empty').mkdir()
    (tmp_path / 'a.tif').write_bytes(b'')
    monkeypatch.chdir(tmp_path)
    with pytest.raises((UserError, FileNotFoundError), match=message.replace('*', r'\*')):
        new_config_of_rasters(**(arguments | change), report=lambda _: None)
    assert not arguments['out'].exists()


@pytest.mark.parametrize(
    ('settings', 'message'),
    [
        (dict(gsds=(None, 0.5)), 'the images of the source do not say how large a pixel is; give --source-gsd'),
        (dict(gsds=(0.5, None)), 'give --target-gsd'),
        (dict(values=(4,)), r'hold \[4\] where they were looked at; a segmentor needs two classes'),
        (dict(sizes=(70, 640)), '64 px are needed. Give larger rasters'),
        (dict(dtype=np.uint16, most=1), 'hold the value 0 alone'),
        (dict(dtype=np.uint16, most=1, nodata=0), 'hold no data where they were looked at'),
    ],
)
def test_what_the_files_leave_open_is_asked_for(places, settings, message):
    arguments = places(**settings)
    with pytest.raises(UserError, match=message):
        new_config_of_rasters(**arguments, report=lambda _: None)
    assert not arguments['out'].exists()


def test_a_file_is_never_replaced(places):
    arguments = places()
    arguments['out'].write_text('x = 1')
    with pytest.raises(UserError, match='exists already'):
        new_config_of_rasters(**arguments, report=lambda _: None)
    assert arguments['out'].read_text() == 'x = 1'


def test_rasters_of_different_kinds_are_named(places, tmp_path):
    arguments = places()
    write(tmp_path / 'ours' / 'images' / 'b.tif', np.zeros((1, 320, 320), np.uint8))
    with pytest.raises(UserError, match=r'a.tif and .*b.tif differ in their number of bands \(3 and 1\)'):
        new_config_of_rasters(**arguments, report=lambda _: None)


@pytest.mark.parametrize('method', ['recommended', 'isia_aim'])
def test_each_domain_gets_its_own_statistics(places, method):
    cfg, _, told = configured(places(bands=4, most=40), method=method, statistics=True)
    prepared = prepare(cfg).model.data_preprocessor
    for name in ('source', 'target'):
        mean, std = prepared.streams[name]['mean'], prepared.streams[name]['std']
        np.testing.assert_allclose(mean, [19.5] * 4, atol=0.3)  # whole numbers from 0 to 39, all as likely
        np.testing.assert_allclose(std, [np.sqrt((40**2 - 1) / 12)] * 4, atol=0.3)
        assert f'{name}: mean of its bands {list(mean)}' in told
    assert 'terms' in prepare(cfg).model or method == 'recommended'


def test_the_check_tells_values_that_the_statistics_do_not_fit(places):
    cfg, _, _ = configured(places(sizes=(200, 400), most=40))
    plain = check(load_config(cfg.filename, {'model.segmentor.backbone.init_cfg': None}))
    assert re.search('values of target, mean ± deviation of each band: (19|20) ± 12', str(plain))
    assert any('source: after the data preprocessor' in warning for warning in plain.warnings)
    assert 'class_weight by these shares: [' in str(plain)


def test_the_tool_prints_what_it_found(places):
    arguments = places()
    command = [sys.executable, str(ROOT / 'tools' / 'new_config.py'), '--source', *arguments['source']]
    command += ['--target', *arguments['target'], '--out', str(arguments['out']), '--classes', 'ground', 'roof']
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0 and 'both are seen at 0.25 m per pixel' in done.stdout
    again = subprocess.run(command, capture_output=True, text=True)
    assert again.returncode == 2 and again.stderr.startswith(f'error: {arguments["out"]} exists already')


def test_files_of_another_suffix_are_left_out(places, tmp_path):
    """Previews and side files in the folders; one suffix may have two spellings."""
    arguments = places()
    for kind in ('images', 'labels'):
        folder = tmp_path / 'ours' / kind
        (folder / 'b.tiff').write_bytes((folder / 'a.tif').read_bytes())
        (folder / 'c.tif').write_bytes((folder / 'a.tif').read_bytes())
        with rasterio.open(folder / 'preview.png', 'w', driver='PNG', height=9, width=9, count=1, dtype='uint8') as png:
            png.write(np.zeros((1, 9, 9), np.uint8))
    cfg, _, told = configured(arguments)
    assert '3 images *.tif' in told and cfg.train_dataloader.dataset.source.img_suffix == '.tif'
