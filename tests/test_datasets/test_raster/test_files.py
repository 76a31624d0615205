import shutil

import numpy as np
import pytest

from mmuda.datasets.raster.files import existing_suffix, list_images, read_list, suffix_of
from mmuda.registry import DATASETS
from mmuda.utils.errors import UserError


def build(root, **kwargs):
    classes = dict(classes=('background', 'building'), palette=[[0, 0, 0], [255, 255, 255]])
    settings = dict(data_prefix=dict(img_path='img_dir', seg_map_path='ann_dir'), metainfo=classes, data_root=str(root))
    return DATASETS.build(dict(type='RasterDataset') | settings | kwargs)


def files(dataset):
    return [tuple(info[key].rsplit('/', 1)[1] for key in ('img_path', 'seg_map_path')) for info in infos(dataset)]


def infos(dataset):
    return [dataset.get_data_info(i) for i in range(len(dataset))]


@pytest.mark.parametrize(
    'name, suffixes, found',
    [
        ('a.tif', ['.tif'], '.tif'),
        ('north/a.TIFF', ['.tif'], '.TIFF'),
        ('a.tif', ['.tiff'], '.tif'),
        ('a_IMAGE.TIF', ['_image.tif'], '_IMAGE.TIF'),
        ('a_image.tiff', ['.tif', '_image.tif'], '_image.tiff'),
        ('a.JPEG', ['.jpg'], '.JPEG'),
        ('a.jp2', ['.jpg'], None),
        ('a.tif.aux.xml', ['.tif'], None),
    ],
)
def test_spellings_of_a_suffix(name, suffixes, found):
    assert suffix_of(name, suffixes) == found


def test_existing_suffix_prefers_the_spelling_that_was_asked_for(tmp_path):
    for name in ('a.TIF', 'a.tiff', 'b.Tif', 'bb.tif'):
        (tmp_path / name).touch()
    listings = {}
    assert existing_suffix(str(tmp_path / 'a'), ['.png', '.tiff'], listings) == '.tiff'
    assert existing_suffix(str(tmp_path / 'b'), ['.png', '.tif'], listings) == '.Tif'
    assert existing_suffix(str(tmp_path / 'c'), ['.tif'], listings) is None
    assert list_images(str(tmp_path), ['.tif']) == ['a.TIF', 'a.tiff', 'b.Tif', 'bb.tif']


@pytest.mark.parametrize('image, label', [('b.TIF', 'b.tif'), ('b.tif', 'b.TIF'), ('b.tiff', 'b.Tif')])
def test_no_spelling_is_dropped(buildings, image, label):
    shutil.move(buildings / 'img_dir/b.tif', buildings / 'img_dir/moved')
    shutil.move(buildings / 'img_dir/moved', buildings / 'img_dir' / image)
    shutil.move(buildings / 'ann_dir/b.tif', buildings / 'ann_dir/moved')
    shutil.move(buildings / 'ann_dir/moved', buildings / 'ann_dir' / label)
    assert files(build(buildings)) == [('a.tif', 'a.tif'), (image, label)]


def test_two_spellings_of_one_name_are_refused(buildings):
    shutil.copy(buildings / 'img_dir/b.tif', buildings / 'img_dir/b.TIFF')
    with pytest.raises(UserError, match=r'b\.TIFF and .*b\.tif are two spellings of one name'):
        build(buildings)
    (buildings / 'list.txt').write_text('a.tif\nb.tif\n')
    assert files(build(buildings, ann_file='list.txt')) == [('a.tif', 'a.tif'), ('b.tif', 'b.tif')]


@pytest.mark.parametrize('coding', ['utf-8', 'utf-8-sig', 'utf-16', 'utf-16-le', 'utf-16-be'])
@pytest.mark.parametrize('end', ['\n', '\r\n', '\r'])
def test_lists_of_any_coding(tmp_path, coding, end):
    names = ['north/köln 1', 'b', 'c']
    (tmp_path / 'list.txt').write_bytes(end.join(['', *names, '  ', '']).encode(coding))
    assert read_list(str(tmp_path / 'list.txt')) == names


def test_a_list_that_is_no_text(buildings):
    (buildings / 'list.txt').write_bytes(b'\xff\xff\x81\x82')
    with pytest.raises(UserError, match=r'The list .*list\.txt is neither UTF-8 nor UTF-16 text'):
        build(buildings, ann_file='list.txt')


def test_dataset_reads_a_list_of_windows(buildings):
    (buildings / 'list.txt').write_bytes('b\r\na\r\n'.encode('utf-16'))
    assert files(build(buildings, ann_file='list.txt')) == [('b.tif', 'b.tif'), ('a.tif', 'a.tif')]


def test_coarse_labels_in_capitals(buildings, write_raster):
    for name in 'ab':
        write_raster(buildings / f'coarse/{name}.TIF', np.zeros((8, 6), np.uint8), gsd=10.0)
    prefix = dict(img_path='img_dir', coarse_path='coarse')
    dataset = build(buildings, type='CoarseLabelDataset', data_prefix=prefix)
    assert [info['coarse_path'].rsplit('/', 1)[1] for info in infos(dataset)] == ['a.TIF', 'b.TIF']


def test_labels_beside_their_images_are_no_other_spelling(buildings):
    for name in 'ab':
        shutil.move(buildings / f'ann_dir/{name}.tif', buildings / f'img_dir/{name}.tiff')
    beside = dict(data_prefix=dict(img_path='img_dir', seg_map_path='img_dir'), seg_map_suffix='.tiff')
    assert files(build(buildings, **beside)) == [('a.tif', 'a.tiff'), ('b.tif', 'b.tiff')]


@pytest.mark.parametrize('target', ['../nowhere.tif', 'c.tif'])
def test_a_link_that_leads_nowhere_is_not_left_out(buildings, target):
    (buildings / 'img_dir' / 'c.tif').symlink_to(target)
    with pytest.raises(FileNotFoundError, match=r'img_dir/c\.tif is a link to .*, which leads nowhere'):
        build(buildings)


def test_links_to_folders(buildings, write_raster):
    write_raster(buildings / 'shared' / 'c.tif', np.zeros((40, 60, 3), np.uint8), gsd=1.0)
    folder = buildings / 'img_dir'
    (folder / 'above').symlink_to(folder)
    (folder / 'x').symlink_to(buildings / 'shared')
    (folder / 'y').symlink_to(buildings / 'shared')
    write_raster(folder / '.trash' / 'd.tif', np.zeros((40, 60, 3), np.uint8), gsd=1.0)
    assert list_images(str(folder), ('.tif',)) == ['a.tif', 'b.tif', 'x/c.tif', 'y/c.tif']


def test_an_empty_list(buildings):
    (buildings / 'list.txt').write_text('\n')
    with pytest.raises(FileNotFoundError, match=r'The list .*list\.txt .* names no image'):
        build(buildings, ann_file='list.txt')
