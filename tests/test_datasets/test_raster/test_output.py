"""A raster that is written never replaces one that is read, and is either what was written or not there."""

import multiprocessing
import os
import subprocess

import numpy as np
import pytest
import rasterio
from rasterio.transform import from_origin
from rasterio.windows import Window

from mmuda.datasets.raster.output import raster_like
from mmuda.datasets.raster.reading import close_rasters, open_raster, read_window
from mmuda.utils.errors import UserError

resource = pytest.importorskip('resource')  # limits of a process, which Windows does not have
SIZE = 600


def write(path, array, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    count, height, width = array.shape
    profile = dict(driver='GTiff', count=count, height=height, width=width, dtype=array.dtype)
    profile |= dict(crs='EPSG:32633', transform=from_origin(100, 200, 0.5, 0.5)) | options
    with rasterio.open(path, 'w', **profile) as raster:
        raster.write(array)
    return path


def noise(count=1, size=SIZE, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, size, size)).astype(np.uint8)


@pytest.fixture
def image(tmp_path):
    yield write(tmp_path / 'images' / 'a.tif', noise(3, 40))
    close_rasters()


def build_vrt(path, image):
    """A VRT of one source, as gdalbuildvrt writes it."""
    path.write_text(
        '<VRTDataset rasterXSize="40" rasterYSize="40"><VRTRasterBand dataType="Byte" band="1"><SimpleSource>'
        f'<SourceFilename relativeToVRT="0">{image}</SourceFilename><SourceBand>1</SourceBand>'
        '<SrcRect xOff="0" yOff="0" xSize="40" ySize="40"/><DstRect xOff="0" yOff="0" xSize="40" ySize="40"/>'
        '</SimpleSource></VRTRasterBand></VRTDataset>'
    )
    return path


def same(image, tmp_path):
    return image, image


def linked_folder(image, tmp_path):
    (tmp_path / 'link').symlink_to(image.parent)
    return image, tmp_path / 'link' / 'a.tif'


def linked_file(image, tmp_path):
    (tmp_path / 'linked.tif').symlink_to(image)
    return tmp_path / 'linked.tif', image


def hard_link(image, tmp_path):
    os.link(image, tmp_path / 'hard.tif')
    return image, tmp_path / 'hard.tif'


def relative(image, tmp_path):
    return image, tmp_path / 'images' / '..' / 'images' / 'a.tif'


def source_of_a_vrt(image, tmp_path):
    return build_vrt(tmp_path / 'mosaic.vrt', image), image


def source_of_a_vrt_of_a_vrt(image, tmp_path):
    return build_vrt(tmp_path / 'outer.vrt', build_vrt(tmp_path / 'inner.vrt', image)), image


def another_raster_that_is_read(image, tmp_path):
    read_window(str(image), (0, 0, 1, 1))
    return write(tmp_path / 'other.tif', noise(3, 40, seed=1)), image


WAYS = (
    same,
    linked_folder,
    linked_file,
    hard_link,
    relative,
    source_of_a_vrt,
    source_of_a_vrt_of_a_vrt,
    another_raster_that_is_read,
)


@pytest.mark.filterwarnings('ignore::rasterio.errors.NotGeoreferencedWarning')
@pytest.mark.parametrize('way', WAYS, ids=[way.__name__ for way in WAYS])
def test_an_input_is_refused_before_anything_is_opened(image, tmp_path, way):
    like, out = way(image, tmp_path)
    before, entries = image.read_bytes(), sorted(tmp_path.rglob('*'))
    with pytest.raises(UserError, match='a.tif|hard.tif is read as an input'), raster_like(out, str(like), 1) as output:
        output.write(np.zeros((1, 40, 40), np.uint8))
    assert image.read_bytes() == before
    assert sorted(tmp_path.rglob('*')) == entries


def test_inputs_that_only_the_job_knows(image, tmp_path):
    label = write(tmp_path / 'labels' / 'a.tif', noise(1, 40))
    before = label.read_bytes()
    with pytest.raises(UserError, match='read as an input'), raster_like(label, str(image), 1, inputs=[label]):
        pass
    assert label.read_bytes() == before


def test_an_output_may_be_looked_at_and_written_again(image, tmp_path):
    out = tmp_path / 'out.tif'
    for value in (1, 2):
        with raster_like(out, str(image), 1) as output:
            output.write(np.full((1, 40, 40), value, np.uint8))
        # Read through the cache: the handle of the file that was replaced is not used again.
        assert (read_window(str(out), (0, 0, 40, 40), 1) == value).all()


@pytest.fixture
def file_size_limit():
    """Writing more than so many bytes to a file fails, as on a full disk, and GDAL prints and raises nothing."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.fixture
def full_disk(tmp_path):
    folder = tmp_path / 'full'
    folder.mkdir()
    made = subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=1m', 'none', str(folder)], capture_output=True)
    if made.returncode:
        pytest.skip('no small file system can be mounted here')
    yield folder
    subprocess.run(['umount', str(folder)], check=True)


def write_by_rows(out, like, array):
    with raster_like(out, like, len(array)) as output:
        for row in range(0, array.shape[1], 50):
            part = array[:, row : row + 50]
            output.write(part, window=Window(0, row, array.shape[2], part.shape[1]))


def check_that_the_older_file_stays(folder, tmp_path, match):
    big, small = write(tmp_path / 'big.tif', noise(3, 900)), write(tmp_path / 'small.tif', noise(1, 40))
    write_by_rows(folder / 'map.tif', str(small), noise(1, 40, seed=1))
    yield
    with pytest.raises(UserError, match=f'map.tif cannot be written: {match}') as told:
        write_by_rows(folder / 'map.tif', str(big), noise(3, 900, seed=2))
    assert '\n' not in str(told.value)
    with rasterio.open(folder / 'map.tif') as raster:
        assert np.array_equal(raster.read(), noise(1, 40, seed=1))
    assert [path.name for path in folder.iterdir()] == ['map.tif']
    yield


# The last blocks are written when the file is closed: with the higher limits nothing fails before.
@pytest.mark.parametrize('limit', [100_000, 1_900_000, 2_430_000])
def test_a_file_that_cannot_grow_leaves_the_older_one(tmp_path, file_size_limit, limit):
    steps = check_that_the_older_file_stays(tmp_path / 'out', tmp_path, 'the file is larger|what was written cannot')
    next(steps)
    file_size_limit(limit)
    next(steps)


def test_a_full_disk_leaves_the_older_file(tmp_path, full_disk):
    steps = check_that_the_older_file_stays(full_disk, tmp_path, 'the disk is full; free some space')
    next(steps)
    next(steps)


@pytest.mark.parametrize('damage', ['zeroed', 'lost'])
def test_a_block_that_did_not_arrive_is_found(tmp_path, monkeypatch, damage):
    like = write(tmp_path / 'like.tif', noise())
    out, fsync = tmp_path / 'out' / 'map.tif', os.fsync

    def spoil(descriptor):
        path = os.readlink(f'/proc/self/fd/{descriptor}')
        if path.endswith('.map.tif.tmp') and damage == 'zeroed':
            with open(path, 'r+b') as file:
                file.seek(os.path.getsize(path) // 2)
                file.write(bytes(64))
        elif path.endswith('.map.tif.tmp'):  # a block without data is read as "no data", without an error
            profile = dict(driver='GTiff', count=1, height=SIZE, width=SIZE, dtype='uint8', sparse_ok=True, nodata=0)
            with rasterio.open(path, 'w', tiled=True, blockxsize=256, blockysize=256, **profile) as file:
                file.write(noise()[:, :256], window=Window(0, 0, SIZE, 256))
        fsync(descriptor)

    monkeypatch.setattr(os, 'fsync', spoil)
    with pytest.raises(UserError, match='map.tif cannot be written: what was written cannot be read back'):
        write_by_rows(out, str(like), noise())
    assert list(out.parent.iterdir()) == []


def test_windows_may_overlap_and_the_last_one_counts(tmp_path):
    like, expected = write(tmp_path / 'like.tif', noise()), np.zeros((3, SIZE, SIZE), np.uint8)
    rng = np.random.default_rng(3)
    with raster_like(tmp_path / 'out.tif', str(like), 3) as output:
        for _ in range(40):
            row, col, height, width = (int(value) for value in rng.integers(1, SIZE // 2, 4))
            band = int(rng.integers(1, 4))
            part = rng.integers(0, 256, (height, width)).astype(np.uint8)
            output.write(part, band, window=Window(col, row, width, height))
            expected[band - 1, row : row + height, col : col + width] = part
    with rasterio.open(tmp_path / 'out.tif') as raster:
        assert np.array_equal(raster.read(), expected)


def test_what_lay_beside_the_older_file_goes_with_it(image, tmp_path):
    out = tmp_path / 'out' / 'map.tif'
    write(out, noise(1, 40))
    for suffix in ('.ovr', '.msk', '.aux.xml'):
        out.with_name(f'map.tif{suffix}').write_bytes(b'of the older file')
    with raster_like(out, str(image), 1) as output:
        output.write(noise(1, 40, seed=1))
    assert [path.name for path in out.parent.iterdir()] == ['map.tif']


@pytest.mark.parametrize('name', ['with space', 'ünïcödé 城市', 'br[a]ck', 'ha#sh', 'per%20cent%d', 'q?&co:lon', "a'b"])
def test_odd_paths(image, tmp_path, name):
    out = tmp_path / name / f'{name}.tif'
    with raster_like(out, str(image), 1) as output:
        output.write(noise(1, 40))
    with rasterio.open(out) as raster:
        assert np.array_equal(raster.read(), noise(1, 40))
    assert [path.name for path in out.parent.iterdir()] == [out.name]


@pytest.mark.parametrize(
    ('place', 'why'),
    [
        ('file/map.tif', 'a part of the path is a file|there is a file where a folder should be'),
        ('folder', 'there is a folder of that name'),
        ('loop/map.tif', 'a link to itself|there is a file where a folder should be'),
        ('n' * 300, 'the name is too long'),
        ('/proc/nowhere/map.tif', 'choose another folder'),
    ],
)
def test_places_that_cannot_be_written_are_told_in_one_line(image, tmp_path, place, why):
    (tmp_path / 'file').write_text('')
    (tmp_path / 'folder').mkdir()
    (tmp_path / 'loop').symlink_to('loop')
    with pytest.raises(UserError, match=f'cannot be written: .*({why})'), raster_like(tmp_path / place, str(image), 1):
        pass


def test_an_image_that_was_replaced_is_read_anew(tmp_path):
    path = tmp_path / 'a.tif'
    like = write(tmp_path / 'like.tif', noise(1, 40))
    for value in (1, 2):
        with raster_like(path, str(like), 1) as output:
            output.write(np.full((1, 40, 40), value, np.uint8))
        assert open_raster(str(path)).read(1)[0, 0] == value


def _write_full_of(value, path, like, barrier):
    barrier.wait()
    for _ in range(5):
        with raster_like(path, like, count=1) as output:
            for row in range(0, 64, 8):  # block by block, so that two writers would mix
                output.write(np.full((8, 64), value, np.uint8), 1, window=Window(0, row, 64, 8))


def test_processes_that_write_one_raster_leave_one_of_theirs(tmp_path):
    like = tmp_path / 'like.tif'
    with rasterio.open(like, 'w', driver='GTiff', height=64, width=64, count=1, dtype='uint8') as file:
        file.write(np.zeros((64, 64), np.uint8), 1)
    context = multiprocessing.get_context('fork')
    barrier = context.Barrier(3)
    arguments = [(value, tmp_path / 'map.tif', str(like), barrier) for value in (1, 2, 3)]
    processes = [context.Process(target=_write_full_of, args=each) for each in arguments]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0, 0]
    with rasterio.open(tmp_path / 'map.tif') as found:
        assert len(np.unique(found.read(1))) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ['like.tif', 'map.tif']
