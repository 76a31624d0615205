"""What is told instead of polygons, and what is left when a job fails; its memory."""

import os
import resource
import signal
import subprocess
import sys

import numpy as np
import pytest
import rasterio
from rasterio import Affine

from mmuda.apis import UserError
from mmuda.maps.polygons import polygonizing
from tests.helpers.maps import UTM, read, run, scene, write_map

FORMATS = ('.gpkg', '.geojson', '.fgb')


@pytest.fixture
def written(tmp_path):
    """A map."""
    return write_map(tmp_path / 'map.tif', scene(), nodata=255, **UTM)


def wrong(folder):
    """What is asked for, and what is told."""
    good = write_map(folder / 'map.tif', scene(), nodata=255, **UTM)
    other = dict(UTM, transform=Affine(0.3, 0, 450001, 0, -0.3, 40000))
    with rasterio.open(folder / 'rgb.tif', 'w', driver='GTiff', height=4, width=4, count=3, dtype='uint8', **UTM):
        pass
    (folder / 'note.tif').write_text('no raster')
    gpkg = folder / 'a.gpkg'
    return {
        'missing': ((folder / 'none.tif', gpkg), {}, 'none.tif does not exist'),
        'no raster': ((folder / 'note.tif', gpkg), {}, 'note.tif cannot be read as a raster'),
        'bands': ((folder / 'rgb.tif', gpkg), {}, 'rgb.tif has 3 bands, but a map of classes has one'),
        'floats': (
            (write_map(folder / 'f.tif', scene().astype(np.float32), **UTM), gpkg), {}, 'f.tif holds float32, but a map'
        ),
        'suffix': ((good, folder / 'a.kml'), {}, 'a.kml: polygons are written as .gpkg, .geojson, .json, .fgb'),
        'class': ((good, gpkg, ['building']), {}, r"map.tif has no class 'building' \(it names none\)"),
        'area': ((good, gpkg), dict(min_area=-1), 'min_area is -1; give 0, or a number above it'),
        'nan': ((good, gpkg), dict(simplify=float('nan')), 'simplify is nan'),
        'strip': ((good, gpkg), dict(strip=0), 'strip is 0; give at least one row'),
        'folder': ((good, folder / 'dir.gpkg'), {}, 'dir.gpkg cannot be written: there is a folder of that name'),
        'below a file': ((good, folder / 'note.tif' / 'a.gpkg'), {}, 'a part of the path is a file|file where a'),
        'confidence size': (
            (good, gpkg), dict(confidence=write_map(folder / 'c.tif', np.ones((3, 4)), **UTM)), 'c.tif has 3 x 4 px'
        ),
        'confidence place': (
            (good, gpkg), dict(confidence=write_map(folder / 'd.tif', scene(), **other)), 'lie at different places'
        ),
    }  # fmt: skip


@pytest.mark.parametrize('case', ['missing', 'no raster', 'bands', 'floats', 'suffix', 'class', 'area', 'nan', 'strip',
                                  'folder', 'below a file', 'confidence size', 'confidence place'])  # fmt: skip
def test_what_cannot_be_done_is_told_in_one_line(tmp_path, case):
    (tmp_path / 'dir.gpkg').mkdir()
    args, options, told = wrong(tmp_path)[case]
    before = set(os.listdir(tmp_path))
    with pytest.raises(UserError, match=told) as error:
        run(*args, **options)
    assert '\n' not in str(error.value)
    assert set(os.listdir(tmp_path)) == before


def test_an_input_is_not_replaced(written, tmp_path):
    (tmp_path / 'a.gpkg').symlink_to(written)
    with pytest.raises(UserError, match=r'a.gpkg is read as an input \(it is the same file as .*map.tif\)'):
        run(written, tmp_path / 'a.gpkg')


@pytest.mark.parametrize('suffix', FORMATS)
@pytest.mark.parametrize('size', [1000, 100_000])
def test_a_file_that_cannot_grow_leaves_the_older_one(tmp_path, suffix, size, monkeypatch):
    monkeypatch.setattr(polygonizing, '_BATCH', 50)
    path = write_map(tmp_path / 'map.tif', scene(0, 400, 400), nodata=255, **UTM)
    noisy = np.random.default_rng(0).integers(0, 3, (200, 200)).astype(np.uint8)
    big = write_map(tmp_path / 'big.tif', noisy, **UTM)
    out = tmp_path / 'out' / f'a{suffix}'
    run(path, out)
    before = out.read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        with pytest.raises(UserError, match=f'a{suffix} cannot be written: ') as told:
            run(big, out)
        with pytest.raises(UserError, match=f'a{suffix} cannot be written: '):
            run(big, tmp_path / 'new' / 'below' / f'a{suffix}')
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert '\n' not in str(told.value)
    assert out.read_bytes() == before and os.listdir(out.parent) == [out.name]
    assert not (tmp_path / 'new').exists()


@pytest.mark.parametrize('suffix', FORMATS)
def test_a_full_disk_leaves_the_older_file(tmp_path, suffix):
    folder = tmp_path / 'full'
    folder.mkdir()
    if subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=1m', 'none', str(folder)], capture_output=True).returncode:
        pytest.skip('no small file system can be mounted here')
    try:
        small = write_map(tmp_path / 'small.tif', scene(0, 20, 20), nodata=255, **UTM)
        noisy = np.random.default_rng(0).integers(0, 3, (200, 200)).astype(np.uint8)
        run(small, folder / f'a{suffix}')
        before = (folder / f'a{suffix}').read_bytes()
        with pytest.raises(UserError, match=f'a{suffix} cannot be written: the disk is full'):
            run(write_map(tmp_path / 'big.tif', noisy, **UTM), folder / f'a{suffix}')
        assert (folder / f'a{suffix}').read_bytes() == before and os.listdir(folder) == [f'a{suffix}']
    finally:
        subprocess.run(['umount', str(folder)], check=True)


@pytest.mark.parametrize('suffix', FORMATS)
def test_a_killed_job_leaves_no_file_of_that_name(written, tmp_path, suffix):
    out = tmp_path / 'out' / f'a{suffix}'
    script = (
        'import os, signal, sys\n'
        'from mmuda.apis import polygonize_map\n'
        'from mmuda.maps.polygons import polygonizing\n'
        'polygonizing._BATCH = 3\n'
        'join = polygonizing.join\n'
        'def killed(strips, width):\n'
        '    for number, pieces in enumerate(join(strips, width)):\n'
        '        if number == 20: os.kill(os.getpid(), signal.SIGKILL)\n'
        '        yield pieces\n'
        'polygonizing.join = killed\n'
        f'polygonize_map({written!r}, {str(out)!r}, strip=5)\n'
    )
    done = subprocess.run([sys.executable, '-c', script], capture_output=True)
    assert done.returncode == -signal.SIGKILL
    assert not out.exists() and (suffix == '.fgb' or any(out.parent.iterdir()))
    run(written, out)  # over what is left
    assert os.listdir(out.parent) == [out.name] and len(read(out)[0])


def test_without_the_extra_it_says_what_to_install(written, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, 'pyogrio', None)
    with pytest.raises(
        UserError, match=r"a.gpkg is a vector file; writing it needs the extra `vector`: .*'\.\[vector\]'"
    ):
        run(written, tmp_path / 'a.gpkg')


def test_memory_does_not_grow_with_the_rows(tmp_path):
    """Regions that have ended are not kept: six times the rows, and little more memory at the peak."""
    tile = np.zeros((64, 2000), dtype=np.uint8)
    tile[4:60, ::2] = 1
    peaks = []
    for name, times in (('small', 40), ('large', 240)):
        path = write_map(tmp_path / f'{name}.tif', np.tile(tile, (times, 1)), compress='deflate', **UTM)
        script = (
            'import resource\n'
            'from mmuda.apis import polygonize_map\n'
            f'polygonize_map({path!r}, {str(tmp_path / "a.gpkg")!r}, [1], strip=64)\n'
            "print('PEAK', resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)\n"
        )
        done = subprocess.run([sys.executable, '-c', script], capture_output=True, text=True, check=True)
        peaks.append(float(done.stdout.split('PEAK')[1]))
    assert peaks[1] < peaks[0] + 100  # if all polygons were kept, it would be 200
