"""Wrong rasters, labels and options that users bring to ``new_config.py``: one line, and nothing is written.

Each row spoils two small towns that are fine otherwise, and names what the line must contain: the file, the value and
the remedy.
"""

import errno
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
import rasterio
from rasterio.enums import ColorInterp

from tests.helpers import ROOT
from tests.helpers.wrong_inputs import (
    SIDE,
    Towns,
    image,
    images,
    label,
    labels,
    nothing,
    one,
    run,
    the_line,
    written,
)

SOURCE, TARGET = ('ours/images', 'ours/labels'), ('theirs/images',)
ORDERS = (
    (ColorInterp.blue, ColorInterp.green, ColorInterp.red),
    (ColorInterp.red, ColorInterp.green, ColorInterp.blue),
)


def arguments(source=SOURCE, target=TARGET, out='mine.py', more=()):
    return ['--source', *source, '--target', *target, '--out', out, *more]


@pytest.fixture
def towns(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return Towns(tmp_path)


def with_a_shifted_label(towns):
    towns.write('ours/labels/b.tif', label(0, 1), left=900000.0)


def with_two_orders_of_bands(towns):
    for name, order in zip('ab', ORDERS, strict=True):
        towns.write(f'theirs/images/{name}.tif', image())
        with rasterio.open(towns.folder / f'theirs/images/{name}.tif', 'r+') as raster:
            raster.colorinterp = order


def with_a_truncated_image(towns):
    path = towns.folder / 'theirs/images/b.tif'
    path.write_bytes(path.read_bytes()[:40000])


def with_a_vrt_without_source(towns):
    shutil.rmtree(towns.folder / 'theirs/images')
    (towns.folder / 'theirs/images').mkdir()
    source = '<SimpleSource><SourceFilename relativeToVRT="1">gone.tif</SourceFilename></SimpleSource>'
    band = f'<VRTRasterBand dataType="Byte" band="1">{source}</VRTRasterBand>'
    text = f'<VRTDataset rasterXSize="{SIDE}" rasterYSize="{SIDE}">{band}</VRTDataset>'
    (towns.folder / 'theirs/images/a.vrt').write_text(text)


def with_a_link_to_nowhere(towns):
    (towns.folder / 'theirs/images/c.tif').symlink_to('/nowhere/c.tif')


def emptied(*names):
    def spoil(towns):
        shutil.rmtree(towns.folder / 'theirs/images')
        (towns.folder / 'theirs/images').mkdir()
        for name in names:
            (towns.folder / 'theirs/images' / name).write_text('')

    return spoil


HALVES = label(0, 1).astype(np.complex64)
COLOURS = np.concatenate([label(0, 255), label(0), label(0)])
TABLE = {value: (value, 255 - value, 0) for value in range(256)}
ROWS = {
    # What is given.
    'images and labels are swapped': (
        nothing, arguments(source=SOURCE[::-1]), ['ours/images/a.tif holds more than 64 values', 'the labels?'],
    ),
    'the target is the folder of the labels': (
        nothing, arguments(target=SOURCE[1:]), ['ours/labels/a.tif', 'and a label of the source', '--target'],
    ),
    'the target is the source': (
        nothing, arguments(target=SOURCE[:1]), ['ours/images/a.tif', 'and an image of the source', '--target'],
    ),
    'images are given as labels, too': (
        nothing, arguments(source=SOURCE[:1] * 2), ['ours/images/a.tif holds more than 64 values', 'the labels?'],
    ),
    'no labels': (nothing, arguments(source=SOURCE[:1]), ['the source needs labels', '--source IMAGES LABELS']),
    'the folder above images and labels': (
        nothing, arguments(source=('ours',)),
        ['images/a.tif and ours/labels/a.tif differ in their number of bands (3 and 1)', 'give a pattern'],
    ),
    'files in place of folders': (
        nothing, arguments(source=('ours/images/a.tif', 'ours/labels/a.tif')),
        ['ours/images/a.tif is a file', 'give its folder, or a pattern in quotes'],
    ),
    'a pattern without quotes': (
        nothing, arguments(source=('ours/images/a.tif', 'ours/images/b.tif', 'ours/labels')),
        ['3 places were given for the source', 'give its images, and perhaps its labels'],
    ),
    'an empty variable of the shell': (nothing, arguments(target=('',)), ["''", 'give a folder of rasters']),
    'a target that is not there': (nothing, arguments(target=('hers',)), ['hers is no folder', 'give a folder']),
    'an empty target': (emptied(), arguments(), ['theirs/images holds no raster', '.tif', 'give another folder']),
    'a target of texts': (emptied('a.txt'), arguments(), ['theirs/images holds no raster', 'give another folder']),
    'a pattern that fits no file': (
        nothing, arguments(target=('theirs/images/*.png',)), ['theirs/images holds no raster', '*(.png)', 'another'],
    ),
    # Options.
    'a GSD of 0': (nothing, arguments(more=('--target-gsd', '0')), ['--target-gsd', "'0'", 'a number above 0']),
    'a GSD that is no number': (nothing, arguments(more=('--source-gsd', 'nan')), ["'nan'", 'a number above 0']),
    'a GSD with a unit': (nothing, arguments(more=('--source-gsd', '0.5m')), ["'0.5m'", 'a number above 0']),
    'a class twice': (nothing, arguments(more=('--classes', 'x', 'x')), ['have x twice', 'a name of its own']),
    'a class without a name': (nothing, arguments(more=('--classes', '', 'x')), ["('', 'x')", 'not names']),
    'too many classes': (
        nothing, arguments(more=('--classes', 'x', 'y', 'z')), ['3 names', 'x, y, z', '2 classes: 0, 1', '--classes'],
    ),
    'classes with a comma': (nothing, arguments(more=('--classes', 'x,y')), ['1 names', 'x,y', 'blanks between']),
    'a misspelt method': (nothing, arguments(more=('--method', 'daforme')), ["'daforme'", 'did you mean daformer?']),
    'an output that is there': (nothing, arguments(out='tiny.py'), ['tiny.py exists already', 'give another file']),
    'an output that is a folder': (nothing, arguments(out='ours'), ['ours exists already', 'give another file']),
    'an output below a file': (
        nothing, arguments(out='tiny.py/mine.py'), ['tiny.py/mine.py cannot be written', 'choose another folder'],
    ),
    'an output of another kind': (nothing, arguments(out='mine.yaml'), ['mine.yaml does not end in .py', 'another']),
    'an output with too long a name': (nothing, arguments(out=f'{"x" * 300}.py'), ['xxx.py', 'choose a shorter one']),
    # Names.
    'labels with another ending': (
        lambda towns: towns.rename('ours/labels', '_label.tif'), arguments(),
        ['2 of 2 images have no label', 'ours/labels/a.tif is missing', '"FOLDER/*_label.tif"'],
    ),
    'one label is missing': (
        lambda towns: (towns.folder / 'ours/labels/b.tif').unlink(), arguments(),
        ['1 of 2 images have no label', 'ours/labels/b.tif is missing', 'give a pattern'],
    ),
    'two spellings of one name': (
        one('theirs/images/a.tiff', image()), arguments(), ['a.tif and', 'a.tiff are two spellings', 'rename one'],
    ),
    # Damage.
    'an image of 0 bytes': (written('theirs/images/b.tif', b''), arguments(), ['b.tif cannot be read', 'intact copy']),
    'a web page called .tif': (
        written('theirs/images/b.tif', b'<html>404</html>'), arguments(), ['b.tif cannot be read', 'intact copy'],
    ),
    'a truncated image': (with_a_truncated_image, arguments(), ['b.tif is damaged', 'at byte 40000', 'intact copy']),
    'a link that leads nowhere': (with_a_link_to_nowhere, arguments(), ['c.tif is a link', '/nowhere', 'remove']),
    'a virtual raster without its source': (
        with_a_vrt_without_source, arguments(), ['a.vrt refers to', 'gone.tif', 'put the file there'],
    ),
    # Images.
    'no GSD': (images(image(), gsd=None), arguments(), ['a.tif', 'how large a pixel is', '--target-gsd']),
    'degrees without a projection': (
        images(image(), gsd=1e-5, crs=None, left=13.0), arguments(), ['a.tif', 'how large a pixel', '--target-gsd'],
    ),
    'metres declared as degrees': (
        images(image(), gsd=0.5, crs='EPSG:4326'), arguments(), ['a.tif', 'how large a pixel is', '--target-gsd'],
    ),
    'a GSD that is a hundred times too large': (
        images(image(), gsd=100.0), arguments(), ['ours/images/a.tif', '1 px of the 100.0 m', '--target-gsd'],
    ),
    'a GSD that is a hundred times too small': (
        images(image(), gsd=0.01), arguments(), ['theirs/images/a.tif', '176 x 176 px of 0.01 m', '--target-gsd'],
    ),
    'one image of another GSD': (
        one('theirs/images/b.tif', image(), gsd=0.1), arguments(), ['b.tif', 'of 0.1 m', 'leave out small ones'],
    ),
    'images that are too narrow': (
        images(image(size=(40, SIDE))), arguments(), ['a.tif, 40 x 176 px', '64 px are needed', 'larger rasters'],
    ),
    'images of different types': (
        one('theirs/images/b.tif', image(dtype=np.uint16)), arguments(), ['a.tif and', '(uint8 and uint16)', 'pattern'],
    ),
    'grey and coloured images': (
        one('theirs/images/b.tif', image(1)), arguments(), ['a.tif and', 'b.tif', '(3 and 1)', 'give a pattern'],
    ),
    'two orders of the bands': (
        with_two_orders_of_bands, arguments(), ['a.tif and', '1 (blue)', '1 (red)', 'give a pattern'],
    ),
    'domains that share no bands': (images(image(2)), arguments(), ['1 (red)', 'the target 1, 2', '--target-bands']),
    'complex numbers': (images(image(dtype=np.complex64)), arguments(), ['a.tif is complex64', 'write their']),
    'numbers of a colour table': (images(image(1), colours=TABLE), arguments(), ['a.tif', 'a colour table', '-expand']),
    'images of no data': (
        images(image() * 0, nodata=0), arguments(), ['theirs/images/a.tif', 'no data', 'check the files'],
    ),
    'images of NaN': (
        images(np.full((3, SIDE, SIDE), np.nan, np.float32)), arguments(), ['a.tif', 'no data', 'check the files'],
    ),
    'black images': (images(image() * 0), arguments(), ['a.tif and the others hold the value 0 alone', 'check']),
    # Labels.
    'a label of another place': (
        with_a_shifted_label, arguments(), ['ours/labels/b.tif lies on another grid', 'ours/images/b.tif', 'same grid'],
    ),
    'a label of another size without a georeference': (
        one('ours/labels/b.tif', label(0, 1, size=(99, 99)), gsd=None), arguments(),
        ['ours/labels/b.tif is 99 x 99 px', 'ours/images/b.tif', 'bring both to the same grid'],
    ),
    'a label of another projection': (
        one('ours/labels/b.tif', label(0, 1), crs='EPSG:32634'), arguments(),
        ['ours/labels/b.tif', 'EPSG:32634', 'EPSG:32633', 'reproject it'],
    ),
    'labels of one class': (labels(label(0)), arguments(), ['ours/labels', '[0]', 'with a number for each']),
    'labels of no data': (labels(label(0), nodata=0), arguments(), ['ours/labels/a.tif', 'no data', 'check the files']),
    'labels of probabilities': (
        labels(np.random.default_rng(0).random((1, SIDE, SIDE), np.float32)), arguments(),
        ['ours/labels/a.tif holds more than 64 values', 'Are these the labels?'],
    ),
    'labels of complex numbers': (labels(HALVES), arguments(), ['labels/a.tif is complex64', 'convert it to uint8']),
    'labels of two bands': (labels(image(2) // 128), arguments(), ['a.tif has 2 bands', 'convert it to one band']),
    'labels of colours in 16 bits': (
        labels(COLOURS.astype(np.uint16)), arguments(), ['a.tif looks colour-coded, but is uint16', 'convert it'],
    ),
    'labels of colours and of numbers': (
        one('ours/labels/b.tif', COLOURS), arguments(), ['b.tif holds colours', 'a.tif numbers', 'to one kind'],
    ),
    'a class that the source lacks': (
        labels(label(0, 1, 2), town='theirs'), arguments(target=(*TARGET, 'theirs/labels')),
        ['labels of the target hold 2', 'which those of the source do not', 'both need the same classes'],
    ),
}  # fmt: skip


@pytest.mark.parametrize(('spoil', 'given', 'parts'), ROWS.values(), ids=ROWS)
def test_one_line_and_nothing_written(spoil, given, parts, towns, monkeypatch, capsys):
    spoil(towns)
    before = towns.state()
    with pytest.raises(SystemExit) as ended:
        run('new_config', given, monkeypatch)
    assert ended.value.code == 2
    line = the_line(capsys.readouterr().err)
    assert [part for part in parts if part not in line] == [], line
    assert towns.state() == before


def test_what_is_not_spoilt_is_accepted(towns, monkeypatch):
    towns.labels(label(1), town='theirs')  # labels for a test may lack a class
    run('new_config', arguments(target=(*TARGET, 'theirs/labels')), monkeypatch)
    assert (towns.folder / 'mine.py').is_file()


def test_a_full_disk_is_told(towns, monkeypatch, capsys):
    before = towns.state()

    def full(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr('os.fsync', full)
    with pytest.raises(SystemExit):
        run('new_config', arguments(), monkeypatch)
    line = the_line(capsys.readouterr().err)
    assert 'mine.py cannot be written: the disk is full' in line and 'free some space' in line
    assert towns.state() == before


def test_a_process_ends_as_well(towns):
    towns.labels(HALVES)
    command = [sys.executable, ROOT / 'tools/new_config.py', *arguments()]
    done = subprocess.run(command, capture_output=True, text=True, cwd=towns.folder)
    assert done.returncode == 2 and 'a.tif is complex64' in the_line(done.stderr)
