"""Rasters that are no files of this machine: addresses that GDAL opens, and virtual rasters (VRT)."""

import functools
import os
import re
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing import Pipe, Process, Value
from types import SimpleNamespace

import numpy as np
import pytest

from mmuda.datasets import RasterDataset

VRT = """<VRTDataset rasterXSize="60" rasterYSize="40">
  <SRS>EPSG:32633</SRS><GeoTransform>500000, 1, 0, 5000000, 0, -1</GeoTransform>{bands}
</VRTDataset>"""
BAND = """<VRTRasterBand dataType="Byte" band="{band}"><SimpleSource>
  <SourceFilename relativeToVRT="{relative}">{name}</SourceFilename><SourceBand>{band}</SourceBand>
</SimpleSource></VRTRasterBand>"""


class Ranges(SimpleHTTPRequestHandler):
    """A file server that answers requests for a range of bytes, as servers of imagery do."""

    def do_GET(self):  # noqa: N802
        asked = re.match(r'bytes=(\d+)-(\d*)', self.headers.get('Range', ''))
        path = self.translate_path(self.path)
        if asked is None or not os.path.isfile(path):
            super().do_GET()
            return
        size = os.path.getsize(path)
        first, last = int(asked[1]), min(int(asked[2] or size), size - 1)
        with self.server.bytes_sent.get_lock():
            self.server.bytes_sent.value += last + 1 - first
        self.send_response(206)
        self.send_header('Content-Range', f'bytes {first}-{last}/{size}')
        self.send_header('Content-Length', str(last + 1 - first))
        self.end_headers()
        with open(path, 'rb') as file:
            file.seek(first)
            self.wfile.write(file.read(last + 1 - first))

    def log_message(self, *_):
        pass


def serve(folder, port, sent):
    with ThreadingHTTPServer(('127.0.0.1', 0), functools.partial(Ranges, directory=folder)) as server:
        server.bytes_sent = sent
        port.send(server.server_port)
        server.serve_forever()


@pytest.fixture
def server(buildings):
    """The address of a server of the folder of two labelled rasters, and the number of bytes that it has sent.

    It is a process of its own, since rasterio does not let other threads run while it opens a file.
    """
    port, theirs = Pipe(duplex=False)
    sent = Value('q', 0)
    process = Process(target=serve, args=(str(buildings), theirs, sent), daemon=True)
    process.start()
    yield SimpleNamespace(address=f'/vsicurl/http://127.0.0.1:{port.recv()}', sent=sent)
    process.kill()
    process.join()


def load(image, label=None, **options):
    prefix = dict(img_path=str(image)) | (dict(seg_map_path=str(label)) if label else {})
    return RasterDataset(
        data_prefix=prefix,
        metainfo=dict(classes=('even', 'odd')),
        pipeline=[dict(type='LoadRasterWindow')],
        **options,
    )


def assert_same(found, expected):
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one['img'], other['img'])
        np.testing.assert_array_equal(one['gt_seg_map'], other['gt_seg_map'])


def test_a_folder_on_a_server_by_a_list(server, buildings, tmp_path):
    names = tmp_path / 'names.txt'
    names.write_text('a\nb.tif\n')
    local = load(buildings / 'img_dir', buildings / 'ann_dir')
    remote = load(f'{server.address}/img_dir', f'{server.address}/ann_dir', ann_file=str(names), tile=16)
    assert_same(remote, load(buildings / 'img_dir', buildings / 'ann_dir', tile=16))
    assert [raster.gsd for raster in remote.rasters] == [raster.gsd for raster in local.rasters]


@pytest.mark.parametrize('scheme', ['/vsicurl/http', 'http'])
def test_one_raster_on_a_server(server, buildings, scheme):
    address = server.address.replace('/vsicurl/http', scheme)
    remote = load(f'{address}/img_dir/a.tif', f'{address}/ann_dir/a.tif')
    assert_same(remote, load(buildings / 'img_dir' / 'a.tif', buildings / 'ann_dir' / 'a.tif'))


def test_only_windows_are_transferred(server, buildings, write_raster):
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (2048, 2048, 3)).astype(np.uint8)
    path = write_raster(buildings / 'img_dir' / 'large.tif', image, gsd=1.0, tiled=True, blockxsize=256, blockysize=256)
    data = load(f'{server.address}/img_dir/large.tif', tile=64, check_images='none')
    server.sent.value = 0
    np.testing.assert_array_equal(data[40]['img'], image[64:128, 512:576])
    assert 0 < server.sent.value < 0.2 * path.stat().st_size


def test_an_address_that_leads_nowhere(server):
    with pytest.raises(ValueError, match=r'none.tif cannot be read as a raster \(.*\); check the address and the conn'):
        load(f'{server.address}/img_dir/none.tif')


def test_virtual_rasters_of_files_and_of_addresses(server, buildings):
    for relative, name in ((1, '../img_dir/a.tif'), (0, f'{server.address}/img_dir/a.tif')):
        bands = ''.join(BAND.format(band=band, relative=relative, name=name) for band in (1, 2, 3))
        (buildings / 'virtual').mkdir(exist_ok=True)
        (buildings / 'virtual' / 'a.vrt').write_text(VRT.format(bands=bands))
        data = load(buildings / 'virtual', buildings / 'ann_dir', img_suffix='.vrt', tile=16)
        assert_same(data, load(buildings / 'img_dir' / 'a.tif', buildings / 'ann_dir' / 'a.tif', tile=16))
