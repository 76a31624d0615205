"""Public benchmarks as downloaded: unpacked, checked, and read by their classes."""

import shutil
import zipfile

import numpy as np
import pytest
import rasterio

from mmuda.apis import load_config
from mmuda.converters import PUBLIC_DATASETS, prepare_public
from mmuda.registry import DATASETS
from mmuda.utils.errors import UserError
from tests.helpers import CONFIGS, ROOT
from tests.helpers import public_downloads as make

PIPELINE = [dict(type='LoadRasterWindow'), dict(type='PackUDAInputs')]
PUBLISHED = dict(PUBLIC_DATASETS)
STEM = 'ISPRS_semantic_labeling_Vaihingen'


@pytest.fixture(autouse=True)
def small(monkeypatch, tmp_path):
    """The benchmarks expect the tiny images that the tests write, and fewer of those with thousands."""
    counts = dict(
        massachusetts_buildings=(2, 1, 1),
        massachusetts_roads=(2, 1, 1),
        loveda=(2,) * 6,
        deepglobe_roads=(3, 1, 1),
        cityscapes=(1, 1, 1),
    )
    names = dict(gta5=('00001', '00002', '15188'), synthia=('0000000', '0000001'))
    for name, download in PUBLIC_DATASETS.items():
        monkeypatch.setitem(PUBLIC_DATASETS, name, make.shrunk(download, counts.get(name, ()), names.get(name)))
    monkeypatch.chdir(tmp_path)


def read(kind, **options):
    """Class of each pixel of the first item's label, and the dataset."""
    dataset = DATASETS.build(dict(type=kind, pipeline=PIPELINE, check_images='all', check_labels='all', **options))
    return dataset[0]['data_samples'].gt_sem_seg.data[0].numpy(), dataset


def of_bases(name):
    """Numbers of images of the benchmark's datasets in each of its bases, with the paths that the bases have."""

    def walk(node):
        if isinstance(node, dict):
            if node.get('type') == PUBLIC_DATASETS[name].dataset:
                yield dict(node, pipeline=PIPELINE)
            for value in node.values():
                yield from walk(value)

    numbers = {}
    for base in PUBLIC_DATASETS[name].bases:
        cfg = load_config(CONFIGS / '_base_' / 'datasets' / f'{base}.py')
        found = [*walk(cfg.train_dataloader), *walk(cfg.val_dataloader)]
        numbers[base] = [len(DATASETS.build(dataset).rasters) for dataset in found]
    return numbers


def turns(*classes):
    """Classes of the pixels of a generated label."""
    return np.array(classes)[make.CLASS_OF_PIXEL % len(classes)]


def files_below(folder):
    return {
        path.relative_to(folder).as_posix(): path.stat().st_mtime_ns for path in folder.rglob('*') if path.is_file()
    }


def test_what_is_published_is_what_the_literature_counts():
    numbers = {name: [split.expected for split in one.layouts[0].splits] for name, one in PUBLISHED.items()}
    assert numbers['massachusetts_buildings'] == [137, 4, 10] and numbers['massachusetts_roads'] == [1108, 14, 49]
    assert numbers['inria'] == [180, 180] and numbers['vaihingen'] == [33] and numbers['potsdam'] == [38]
    assert numbers['gta5'] == [24966] and numbers['synthia'] == [9400] and numbers['cityscapes'] == [2975, 500, 1525]
    assert numbers['deepglobe_roads'] == [6226, 1243, 1101] and numbers['three_cities'] == [16] * 3
    assert numbers['loveda'] == [1366, 1156, 992, 677, None, None]
    rural, urban = (PUBLISHED['loveda'].layouts[0].splits[place].names for place in (2, 3))
    assert (rural[0], rural[-1], urban[0], urban[-1]) == ('2522', '3513', '3514', '4190')


def test_every_benchmark_names_bases_and_a_class_that_are_there():
    for download in PUBLIC_DATASETS.values():
        assert download.root == DATASETS.get(download.dataset).ROOT
        for base in download.bases:
            assert (CONFIGS / '_base_' / 'datasets' / f'{base}.py').is_file()


def test_the_page_tells_of_every_benchmark_what_the_table_says():
    page = (ROOT / 'docs' / 'public_datasets.md').read_text(encoding='utf-8')
    rows = {row.split('`')[1]: row for row in page.splitlines() if row.startswith('| `')}
    assert rows.keys() == PUBLISHED.keys()
    for name, download in PUBLISHED.items():
        bases = ', '.join(f'`{base}`' for base in download.bases) or 'none yet'
        expected = f'| `{name}` | `{download.dataset}` | {download.address} | {download.terms} | {bases} |'
        assert rows[name] == expected


def test_massachusetts_from_the_page_and_from_kaggle(tmp_path):
    make.massachusetts(tmp_path / 'page')
    told = []
    lines = prepare_public('massachusetts_buildings', tmp_path / 'page', 'elsewhere', report=told.append)
    assert 'is read where it lies; nothing is written to elsewhere' in told[0] and not (tmp_path / 'elsewhere').exists()
    assert 'train: 2 images, val: 1 image, test: 1 image' in lines[0]
    for split in ('train', 'val', 'test'):
        label, _ = read('MassachusettsBuildings', split=split, data_root=str(tmp_path / 'page'))
        assert np.array_equal(label, turns(0, 1))
    make.massachusetts(tmp_path / 'roads', red=False)
    prepare_public('massachusetts_roads', tmp_path / 'roads', verify=True)
    label, roads = read('MassachusettsRoads', split='val', data_root=str(tmp_path / 'roads'))
    assert np.array_equal(label, turns(0, 1)) and '/valid/sat/' in roads.rasters[0].path


def test_massachusetts_of_kaggle_without_its_png(tmp_path, monkeypatch):
    monkeypatch.setitem(
        PUBLIC_DATASETS, 'massachusetts_roads', make.shrunk(PUBLIC_DATASETS['massachusetts_roads'], (1, 1, 1))
    )
    make.massachusetts_of_kaggle(tmp_path / 'content')
    make.zipped(tmp_path / 'content', tmp_path / 'downloads' / 'archive (1).zip')
    prepare_public('massachusetts_roads', tmp_path / 'downloads')
    assert {path.name for path in (tmp_path / 'data' / 'massachusetts_roads').iterdir()} == {
        'tiff',
        'label_class_dict.csv',
    }
    for split in ('train', 'val', 'test'):
        label, _ = read('MassachusettsRoads', split=split)
        assert np.array_equal(label, turns(0, 1))
    assert of_bases('massachusetts_roads') == dict(massroads2deepglobe=[1], deepglobe2massroads=[1, 1])


def test_inria_from_its_archive_again_and_half_done(tmp_path):
    make.inria(tmp_path / 'content')
    make.zipped(tmp_path / 'content', tmp_path / 'downloads' / 'NEW2-AerialImageDataset.zip')
    with pytest.raises(UserError, match='is not unpacked yet; give the command without --verify first'):
        prepare_public('inria', tmp_path / 'downloads', verify=True)
    lines = prepare_public('inria', tmp_path / 'downloads')
    assert 'train: 180 images, test: 180 images' in lines[0] and "data_root='data/inria'" in ' '.join(lines)
    first = files_below(tmp_path / 'data')
    assert len(first) == 540 and 'inria/train/gt/tyrol-w36.tif' in first
    label, train = read('InriaBuildings')
    assert np.array_equal(label, turns(0, 1)) and len(train.rasters) == 5 * 31
    assert of_bases('inria') == dict(mass2inria=[155, 25], inria2mass=[155])
    # Half done: one file is missing, one was cut off by a full disk under its temporary name.
    (tmp_path / 'data/inria/train/gt/vienna3.tif').unlink()
    (tmp_path / 'data/inria/train/gt/.vienna3.tif.tmp').write_bytes(b'half')
    prepare_public('inria', tmp_path / 'downloads', tmp_path / 'data' / 'inria')
    second = files_below(tmp_path / 'data')
    assert second.keys() == first.keys()
    assert [name for name in first if first[name] != second[name]] == ['inria/train/gt/vienna3.tif']


def test_inria_that_only_another_program_unpacks(tmp_path):
    (tmp_path / 'downloads').mkdir()
    (tmp_path / 'downloads' / 'aerialimagelabeling.7z.001').write_bytes(b'7z')
    with pytest.raises(UserError, match=r'cannot be opened here; unpack it with another program \(7z x .*7z\.001\)'):
        prepare_public('inria', tmp_path / 'downloads')


def test_what_is_missing_is_named_by_number_and_name(tmp_path):
    make.inria(tmp_path)
    train = tmp_path / 'AerialImageDataset' / 'train'
    for name in ('austin3', 'kitsap36'):
        (train / 'images' / f'{name}.tif').unlink()
    (train / 'gt' / 'vienna7.tif').unlink()
    shutil.copy(train / 'gt' / 'vienna8.tif', train / 'gt' / 'linz1.tif')
    with pytest.raises(UserError) as error:
        prepare_public('inria', tmp_path)
    for part in (
        'train: 2 of 180 images missing: austin3, kitsap36',
        'train: 1 image without label: vienna7',
        'train: 1 label without image: linz1',
    ):
        assert part in str(error.value)
    assert 'austin4' not in str(error.value)


def test_damage_is_found_in_the_file_where_it_is(tmp_path):
    make.inria(tmp_path)
    train = tmp_path / 'AerialImageDataset' / 'train'
    cut = train / 'images' / 'austin1.tif'
    cut.write_bytes(cut.read_bytes()[:-60])
    make.write(train / 'gt' / 'austin2.tif', make.coded([0, 255, 3]), gsd=0.3)
    make.write(train / 'images' / 'austin4.tif', make.picture(4), gsd=0.3)
    make.write(train / 'images' / 'austin5.tif', make.picture().astype(np.uint16), gsd=0.3)
    with rasterio.open(train / 'gt' / 'austin6.tif') as file:
        profile, values = file.profile, file.read()
    with rasterio.open(train / 'gt' / 'austin6.tif', 'w', **profile | dict(width=9)) as file:
        file.write(values[:, :, :9])
    with pytest.raises(UserError) as error:
        prepare_public('inria', tmp_path, verify=True)
    text = str(error.value)
    print(text)
    assert 'train: 1 file damaged: train/images/austin1.tif' in text
    assert 'train: 1 file outside the coding: train/gt/austin2.tif (holds 3)' in text
    assert 'train/images/austin4.tif (4 bands, not 3), train/images/austin5.tif (uint16, not uint8)' in text
    assert 'train/gt/austin6.tif (9 x 6, not 10 x 6 px)' in text
    assert not (tmp_path / 'data').exists()


def test_a_damaged_archive_is_refused_and_what_was_unpacked_is_kept(tmp_path):
    make.inria(tmp_path / 'content', numbers=range(1, 3))
    path = make.zipped(tmp_path / 'content', tmp_path / 'downloads' / 'NEW2-AerialImageDataset.zip')
    with zipfile.ZipFile(path) as archive:
        info = archive.getinfo('AerialImageDataset/train/images/chicago1.tif')
    data = bytearray(path.read_bytes())
    data[info.header_offset + 30 + len(info.filename) + info.compress_size // 2] ^= 0xFF
    path.write_bytes(data)
    with pytest.raises(UserError, match=r'archive .*AerialImageDataset.zip is damaged or cut short'):
        prepare_public('inria', tmp_path / 'downloads')
    assert not (tmp_path / 'data/inria/train/images/chicago1.tif').exists()
    assert (tmp_path / 'data/inria/train/gt/vienna2.tif').is_file()
    path.write_bytes(data[:-200])
    with pytest.raises(UserError, match='is damaged or cut short'):
        prepare_public('inria', tmp_path / 'downloads')


@pytest.mark.parametrize('name', ['../escape.tif', '/escape.tif', 'train/../../escape.tif', 'ROOT/{}/escape.tif'])
def test_nothing_is_written_outside_the_folder(tmp_path, name):
    make.inria(tmp_path / 'content', numbers=range(1, 2))
    path = make.zipped(tmp_path / 'content', tmp_path / 'downloads' / 'NEW2-AerialImageDataset.zip')
    with zipfile.ZipFile(path, 'a') as archive:
        # Below the folder that is taken away, a path may look harmless and be absolute.
        archive.writestr(name.format(tmp_path).replace('ROOT', 'AerialImageDataset'), b'x')
    with pytest.raises(UserError, match='would be written outside'):
        prepare_public('inria', tmp_path / 'downloads')
    assert not (tmp_path / 'data').exists() and not list(tmp_path.rglob('escape.tif'))


def test_vaihingen_whose_label_archives_have_no_folder(tmp_path):
    make.vaihingen(tmp_path / 'content')
    for end in ('', '_ground_truth_COMPLETE', '_ground_truth_eroded_COMPLETE'):
        make.zipped(tmp_path / 'content' / f'{STEM}{end}', tmp_path / 'downloads' / f'{STEM}{end}.zip')
    lines = prepare_public('vaihingen', tmp_path / 'downloads')
    assert 'eroded labels' in lines[0] and 'all: 33 images' in lines[0]
    label, dataset = read('Vaihingen')
    # In the order of the classes; the boundaries are ignored.
    assert np.array_equal(label, turns(0, 1, 2, 3, 4, 5, 255)) and len(dataset.rasters) == 33
    assert len(read('Vaihingen', split='train')[1].rasters) == 16 and dataset.rasters[0].gsd == 0.09
    assert of_bases('vaihingen') == dict(
        vaihingen2potsdam=[16], potsdam2vaihingen=[16, 17], vaih2pots=[33], cities=[10, 6]
    )
    shutil.rmtree(tmp_path / 'data' / 'vaihingen' / f'{STEM}_ground_truth_eroded_COMPLETE')
    assert 'complete labels' in prepare_public('vaihingen', 'data/vaihingen', verify=True)[0]
    assert np.array_equal(read('Vaihingen')[0], turns(0, 1, 2, 3, 4, 5))


def test_vaihingen_in_one_archive_of_archives(tmp_path):
    make.vaihingen(tmp_path / 'content')
    for end in ('', '_ground_truth_COMPLETE'):
        make.zipped(tmp_path / 'content' / f'{STEM}{end}', tmp_path / 'inner' / f'{STEM}{end}.zip')
    make.zipped(tmp_path / 'inner', tmp_path / 'downloads' / 'Vaihingen.zip', top='Vaihingen')
    prepare_public('vaihingen', tmp_path / 'downloads')
    first = files_below(tmp_path / 'data')
    assert not [name for name in first if name.endswith('.zip')]
    prepare_public('vaihingen', tmp_path / 'downloads', tmp_path / 'data' / 'vaihingen')
    assert files_below(tmp_path / 'data') == first
    assert len(read('Vaihingen')[1].rasters) == 33
    # What was removed comes back with the second attempt after the one that names it.
    (tmp_path / 'data' / 'vaihingen' / 'top' / 'top_mosaic_09cm_area5.tif').unlink()
    with pytest.raises(UserError, match='1 of 33 images missing: 5;?'):
        prepare_public('vaihingen', tmp_path / 'downloads', tmp_path / 'data' / 'vaihingen')
    prepare_public('vaihingen', tmp_path / 'downloads', tmp_path / 'data' / 'vaihingen')


def test_vaihingen_without_labels_names_the_archives(tmp_path):
    make.vaihingen(tmp_path / 'content')
    make.zipped(tmp_path / 'content' / STEM, tmp_path / 'downloads' / f'{STEM}.zip')
    with pytest.raises(UserError, match=r'also get the other archives \(.*ground_truth_COMPLETE'):
        prepare_public('vaihingen', tmp_path / 'downloads')


@pytest.mark.parametrize(('kind', 'folder'), [('3_Ortho_IRRG', True), ('4_Ortho_RGBIR', False)])
def test_potsdam_with_its_two_lossy_labels(tmp_path, kind, folder):
    make.potsdam(tmp_path / 'content', (kind,))
    for name in (kind, '5_Labels_all', '5_Labels_all_noBoundary'):
        make.zipped(tmp_path / 'content' / name, tmp_path / 'downloads' / f'{name}.zip', top=name if folder else '')
    told = []
    with pytest.raises(UserError, match='outside the coding'):
        prepare_public('potsdam', tmp_path / 'content', verify=True)
    assert 'all: 38 images' in prepare_public('potsdam', tmp_path / 'downloads', report=told.append)[0]
    assert sum('its colours were off' in line for line in told) == 2
    for tile in ('2_10', '4_12', '6_7'):
        split = 'val' if tile == '6_7' else 'train'
        label, dataset = read('Potsdam', split='all', tiles=[tile])
        assert np.array_equal(label, turns(0, 1, 2, 3, 4, 5, 255)), (tile, split)
    # Near infrared, red, green, whichever images there are.
    image = make.picture(4 if 'RGBIR' in kind else 3, seed=607)
    expected = image[..., [3, 0, 1]] if 'RGBIR' in kind else image
    assert np.array_equal(np.moveaxis(dataset[0]['inputs'].numpy(), 0, -1), expected)
    assert of_bases('potsdam')['potsdam2vaihingen'] == [24]
    kept = tmp_path / 'data/potsdam/5_Labels_all_noBoundary/top_potsdam_4_12_label_noBoundary.tif.published'
    original = tmp_path / 'content/5_Labels_all_noBoundary/top_potsdam_4_12_label_noBoundary.tif'
    assert kept.read_bytes() == original.read_bytes()
    # A process that was killed between both files.
    corrected = kept.with_suffix('').read_bytes()
    kept.with_suffix('').unlink()
    assert 'all: 38 images' in prepare_public('potsdam', 'data/potsdam')[0]
    assert kept.with_suffix('').read_bytes() == corrected
    prepare_public('potsdam', 'data/potsdam', verify=True)
    assert not told.clear() and prepare_public('potsdam', 'data/potsdam', report=told.append) and not told


def test_potsdam_in_red_green_blue_is_read_with_the_printed_arguments(tmp_path):
    make.potsdam(tmp_path, ('2_Ortho_RGB',), ('5_Labels_all',))
    line = next(line for line in prepare_public('potsdam', tmp_path) if 'potsdam = dict(' in line)
    arguments = eval(line.partition('=')[2])  # noqa: S307
    label, dataset = read(arguments.pop('type'), split='all', tiles=['6_7'], **arguments)
    assert np.array_equal(label, turns(0, 1, 2, 3, 4, 5))
    assert np.array_equal(np.moveaxis(dataset[0]['inputs'].numpy(), 0, -1), make.picture(3, seed=607))


def test_loveda(tmp_path):
    make.loveda(tmp_path / 'content')
    for split in ('Train', 'Val', 'Test'):
        make.zipped(tmp_path / 'content' / split, tmp_path / 'downloads' / f'{split}.zip', top=split)
    lines = prepare_public('loveda', tmp_path / 'downloads')
    assert 'Train/Urban: 2 images' in lines[0] and 'Test/Rural: 2 images' in lines[0]
    for area in ('urban', 'rural'):
        assert np.array_equal(read('LoveDA', area=area)[0], turns(255, 0, 1, 2, 3, 4, 5, 6))
    assert 'loveda_urban2rural' in lines[-1]
    assert of_bases('loveda') == dict(loveda_urban2rural=[2, 2, 2], loveda_rural2urban=[2, 2, 2])
    (tmp_path / 'data/loveda/Val/Rural/images_png/4.png').unlink()
    with pytest.raises(
        UserError, match=r'Val/Rural: 1 image there, but 2 published; Val/Rural: 1 label without image: 4'
    ):
        prepare_public('loveda', 'data/loveda', verify=True)


def test_deepglobe_roads(tmp_path):
    make.deepglobe_roads(tmp_path / 'content')
    make.zipped(tmp_path / 'content', tmp_path / 'downloads' / 'archive.zip')
    prepare_public('deepglobe_roads', tmp_path / 'downloads')
    label, dataset = read('DeepGlobeRoads', split='train')
    assert np.array_equal(label, turns(0, 0, 1, 1)) and len(dataset.rasters) == 2
    assert len(read('DeepGlobeRoads', split='val')[1].rasters) == 1
    assert of_bases('deepglobe_roads') == dict(massroads2deepglobe=[2, 1], deepglobe2massroads=[2])


def test_three_cities(tmp_path):
    make.three_cities(tmp_path)
    assert 'nienburg: 16 images' in prepare_public('three_cities', tmp_path, verify=True)[0]
    assert np.array_equal(read('GermanCity', city='nienburg', data_root=str(tmp_path))[0], turns(*range(6)))
    (tmp_path / 'img_dir' / 'hannover_2_3.tif').unlink()
    (tmp_path / 'ann_dir' / 'hannover_2_3.tif').unlink()
    with pytest.raises(UserError, match='hannover: 1 of 16 images missing: 2_3'):
        prepare_public('three_cities', tmp_path)


def test_gta5_from_two_parts(tmp_path):
    make.gta5(tmp_path / 'content')
    for kind in ('images', 'labels'):
        make.zipped(tmp_path / 'content' / kind, tmp_path / 'downloads' / f'01_{kind}.zip', top=kind)
    prepare_public('gta5', tmp_path / 'downloads')
    label, dataset = read('GTA5')
    assert len(dataset.rasters) == 2 and label[0, 7] == 0 and label[0, 8] == 1  # ids 7 and 8 are road and sidewalk
    assert of_bases('gta5') == dict(gta2cityscapes=[2])
    (tmp_path / 'downloads' / '01_labels.zip').unlink()
    shutil.rmtree(tmp_path / 'data')
    with pytest.raises(UserError, match=r'01_images.zip of .* do not hold images with their labels of GTA5'):
        prepare_public('gta5', tmp_path / 'downloads')


def test_synthia_from_a_tar_archive_and_as_rar(tmp_path):
    make.synthia(tmp_path / 'content')
    make.tarred(tmp_path / 'content', tmp_path / 'downloads' / 'SYNTHIA_RAND_CITYSCAPES.tar.gz')
    prepare_public('synthia', tmp_path / 'downloads')
    label, _ = read('Synthia')
    assert label[0, 3] == 0 and label[0, 4] == 1 and label[0, 0] == 255  # 3 is road, 4 sidewalk, 0 void
    assert of_bases('synthia') == dict(synthia2cityscapes=[2])
    (tmp_path / 'rar').mkdir()
    (tmp_path / 'rar' / 'SYNTHIA_RAND_CITYSCAPES.rar').write_bytes(b'Rar!')
    with pytest.raises(UserError, match='unrar x '):
        prepare_public('synthia', tmp_path / 'rar')


def test_cityscapes(tmp_path):
    make.cityscapes(tmp_path / 'content')
    for kind in ('leftImg8bit', 'gtFine'):
        archive = tmp_path / 'downloads' / f'{kind}_trainvaltest.zip'
        make.zipped(tmp_path / 'content' / kind, archive, top=kind)
        with zipfile.ZipFile(archive, 'a') as file:
            file.writestr('README', kind)
    prepare_public('cityscapes', tmp_path / 'downloads')
    for split in ('train', 'val'):
        label, _ = read('Cityscapes', split=split)
        assert label[0, 7] == 0 and label[0, 8] == 1 and label[0, 0] == 255
    assert not (tmp_path / 'data' / 'cityscapes' / 'README').exists()
    assert of_bases('cityscapes') == dict(gta2cityscapes=[1, 1], synthia2cityscapes=[1, 1])


@pytest.mark.parametrize('archived', [True, False])
def test_openearthmap_is_arranged_by_images_and_labels(tmp_path, archived):
    make.openearthmap(tmp_path / 'content')
    if archived:
        make.zipped(tmp_path / 'content', tmp_path / 'downloads' / 'OpenEarthMap.zip')
    source = tmp_path / ('downloads' if archived else 'content')
    before = files_below(source)
    prepare_public('openearthmap', source)
    assert files_below(source) == before
    label, train = read('OpenEarthMap')
    assert np.array_equal(label, turns(255, *range(8))) and train.rasters[0].gsd == pytest.approx(0.25)
    assert [raster.path for raster in train.rasters] == ['data/openearthmap/images/aachen/aachen_1.tif']
    assert len(read('OpenEarthMap', split='val', regions=['aachen'])[1].rasters) == 1
    with pytest.raises(FileNotFoundError, match='<region> one of tokyo'):
        read('OpenEarthMap', split='val', regions=['tokyo'])
    test = DATASETS.build(dict(type='OpenEarthMap', split='test', labelled=False))
    assert len(test.rasters) == 1
    prepare_public('openearthmap', 'data/openearthmap', verify=True)


def test_a_folder_without_the_benchmark_says_what_it_looks_for(tmp_path):
    (tmp_path / 'empty').mkdir()
    with pytest.raises(UserError, match=r'holds neither images .*Train/Rural/images_png.* nor an archive .*Train.zip'):
        prepare_public('loveda', tmp_path / 'empty')
    with pytest.raises(UserError, match='is no folder'):
        prepare_public('loveda', tmp_path / 'nowhere')
    (tmp_path / 'empty' / 'photos.zip').write_bytes(make.zipped(tmp_path / 'empty', tmp_path / 'z.zip').read_bytes())
    with pytest.raises(UserError, match='holds neither images'):  # an archive of something else
        prepare_public('loveda', tmp_path / 'empty')
    assert not (tmp_path / 'data').exists()


def test_a_disk_that_is_too_small_is_noticed_before(tmp_path, monkeypatch):
    make.loveda(tmp_path / 'content')
    make.zipped(tmp_path / 'content' / 'Train', tmp_path / 'downloads' / 'Train.zip', top='Train')
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, 'disk_usage', lambda path: usage._replace(free=1000))
    with pytest.raises(UserError, match='are free; make room'):
        prepare_public('loveda', tmp_path / 'downloads')
    assert not (tmp_path / 'data').exists()
