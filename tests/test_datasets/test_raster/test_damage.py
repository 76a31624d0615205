"""Files that are cut short, hollow, turned or incomplete, as downloads and cameras leave them."""

import numpy as np
import pytest
import rasterio
from PIL import Image

from mmuda.datasets import RasterDataset
from mmuda.datasets.raster import damage
from mmuda.datasets.raster.reading import check_rasters, close_rasters, open_raster, probe_raster, read_window
from mmuda.utils.errors import is_user_error

CLASSES = dict(classes=('background', 'building'), palette=[[0, 0, 0], [255, 255, 255]])
SHAPE = (600, 400)
ZEROS = [('lzw', 100), ('packbits', 100), ('zstd', 5000), ('lzma', 5000)]


def smooth(seed=0):
    """Neither noise, which encoders store as it is, nor constant."""
    steps = np.random.default_rng(seed).normal(0, 1, (*SHAPE, 3))
    return np.clip(np.cumsum(steps, 1) + 128, 1, 255).astype(np.uint8)


def noise(seed=0):
    return np.random.default_rng(seed).integers(1, 255, (*SHAPE, 3), np.uint8)


def write(path, image=None, **options):
    image = smooth() if image is None else image
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix in ('.png', '.jpg', '.webp'):
        Image.fromarray(image).save(path, **options)
    else:
        driver = dict(driver='JP2OpenJPEG', QUALITY=100, REVERSIBLE='YES') if path.suffix == '.jp2' else {}
        options = dict(driver='GTiff', tiled=True, blockxsize=128, blockysize=128) | driver | options
        if driver:
            options = {key: value for key, value in options.items() if key not in ('tiled', 'blockxsize', 'blockysize')}
        shape = dict(height=image.shape[0], width=image.shape[1], count=image.shape[2], dtype='uint8')
        with rasterio.open(path, 'w', **shape, **options) as file:
            file.write(image.transpose(2, 0, 1))
    return path


def cut(path, share):
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    close_rasters()
    return path


def hollow(path, size, block=None, band=1):
    """Zeros in the middle of a file or of a block's data, as a download leaves them that made room for the file first.

    Args:
        block: (column, row) of a GeoTIFF's block.
    """
    data = bytearray(path.read_bytes())
    start = len(data) // 2
    if block is not None:
        with rasterio.open(path) as source:
            offset, length = (
                int(source.get_tag_item(f'BLOCK_{what}_{block[0]}_{block[1]}', 'TIFF', bidx=band))
                for what in ('OFFSET', 'SIZE')
            )
        start = offset + length // 2
    data[start : start + size] = bytes(size)
    path.write_bytes(bytes(data))
    close_rasters()
    return path


def build(root, **kwargs):
    settings = dict(data_prefix=dict(img_path=''), metainfo=CLASSES, gsd=1.0, pipeline=[dict(type='LoadRasterWindow')])
    return RasterDataset(data_root=str(root), **(settings | kwargs))


@pytest.mark.parametrize('share', [0.5, 0.95, 0.999])
@pytest.mark.parametrize('suffix', ['.png', '.jpg', '.jp2', '.tif', '.webp'])
def test_a_file_that_is_cut_short_is_found_by_its_header_alone(tmp_path, suffix, share):
    cut(write(tmp_path / f'a{suffix}'), share)
    with pytest.raises(ValueError, match=r'a\.\w+ (is damaged or cut short|cannot be read as a raster)') as caught:
        build(tmp_path, img_suffix=suffix, check_images='none')
    assert is_user_error(caught.value) and 'See previous exception' not in str(caught.value)


@pytest.mark.parametrize('suffix', ['.png', '.jpg', '.jp2', '.tif', '.webp'])
def test_intact_files_are_taken_and_read(tmp_path, suffix):
    path = write(tmp_path / f'a{suffix}')
    sample = build(tmp_path, img_suffix=suffix, check_images='all')[0]
    assert np.abs(sample['img'].astype(int) - np.asarray(rasterio.open(path).read()).transpose(1, 2, 0)).max() == 0


def test_the_end_of_an_image_is_seen_without_decoding_it(tmp_path, monkeypatch):
    """A camera's preview has an end marker of its own, and its trailer may follow that of the image."""
    monkeypatch.setattr(damage, 'Window', None)
    paths = [write(tmp_path / f'a{suffix}') for suffix in ('.png', '.jpg', '.jp2')]
    for path in paths:
        probe_raster(str(path))
    preview = Image.Exif()
    preview[0x010E] = (b'\xff\xd8' + bytes(100) + b'\xff\xd9').decode('latin-1')
    path = write(tmp_path / 'b.jpg', exif=preview)
    path.write_bytes(path.read_bytes() + bytes(1000))
    probe_raster(str(path))
    cut(write(path, exif=preview), 0.5)
    with pytest.raises(TypeError):  # decoded, since no end was found behind the preview's
        probe_raster(str(path))


def test_whole_image_of_a_short_png_is_no_garbage(tmp_path):
    """GDAL's fast path for whole images takes no notice of a missing end."""
    path = cut(write(tmp_path / 'a.png'), 0.7)
    with pytest.raises(rasterio.errors.RasterioError):
        open_raster(str(path)).read()
    with pytest.raises(ValueError, match='cannot be read'):
        read_window(str(path), (0, 0, *SHAPE))


def test_jpeg_decoder_complaints_are_errors(tmp_path):
    path = hollow(write(tmp_path / 'a.jpg'), 2000)
    with pytest.raises(ValueError, match=r'cannot be read \(.*libjpeg'):
        read_window(str(path), (0, 0, *SHAPE))
    with pytest.raises(ValueError, match=r'a\.jpg is damaged or cut short'):
        build(tmp_path, img_suffix='.jpg')


@pytest.mark.parametrize('image', [smooth, noise])
@pytest.mark.parametrize('compress, size', [('deflate', 16), ('deflate', 5000), *ZEROS])
def test_zeros_in_a_compressed_block(tmp_path, compress, size, image):
    """GDAL decodes most of these to wrong rows without a word: it stops before the checksum, or there is none."""
    path = write(tmp_path / 'a.tif', image(), compress=compress, interleave='pixel')
    check_rasters([str(path)], whole=True)
    hollow(path, size, block=(1, 1))
    with pytest.raises(ValueError, match=r'a\.tif is damaged or cut short'):
        build(tmp_path)


def test_what_the_checksum_is_for(tmp_path):
    path = write(tmp_path / 'a.tif', noise(), compress='deflate', interleave='pixel')
    hollow(path, 100, block=(2, 1))
    with rasterio.open(path) as source:
        assert (source.read().transpose(1, 2, 0) != noise()).any(2).sum() > 1000  # read, and wrong
    with pytest.raises(ValueError, match=r'the block at row 128, column 256 is not what was written'):
        check_rasters([str(path)])


def test_bands_in_blocks_of_their_own(tmp_path):
    path = write(tmp_path / 'a.tif', smooth(), compress='deflate', interleave='band')
    check_rasters([str(path)])
    hollow(path, 100, block=(0, 0), band=3)
    with pytest.raises(ValueError, match=r'a\.tif is damaged .*(band 3|the block at row 0, column 0)'):
        check_rasters([str(path)])


def test_sparse_and_constant_rasters_are_whole(tmp_path):
    path = tmp_path / 'a.tif'
    options = dict(driver='GTiff', height=1024, width=1024, count=1, dtype='uint8', tiled=True, SPARSE_OK=True)
    for compress in ('deflate', 'lzw', 'packbits', 'zstd', 'lzma'):
        with rasterio.open(path, 'w', compress=compress, **options) as file:
            file.write(np.full((1, 512, 512), 7, np.uint8), window=rasterio.windows.Window(512, 512, 512, 512))
            file.write(np.zeros((1, 256, 256), np.uint8), window=rasterio.windows.Window(512, 512, 256, 256))
        probe_raster(str(path))
        check_rasters([str(path)], whole=True)


def test_a_part_or_all_or_nothing_is_decoded(tmp_path, monkeypatch):
    monkeypatch.setattr(damage, '_FULL_CHECK_PIXELS', 1000)
    monkeypatch.setattr(damage, '_CHECK_WINDOW', 64)
    path = write(tmp_path / 'a.tif', noise(), compress='deflate', interleave='pixel')
    hollow(path, 100, block=(3, 0))  # none of the blocks at both corners and in the middle
    assert len(build(tmp_path)) == len(build(tmp_path, check_images='none')) == 1
    with pytest.raises(ValueError, match=r'a\.tif is damaged'):
        build(tmp_path, check_images='all')
    with pytest.raises(ValueError, match="check_images='some' of a RasterDataset is unknown"):
        build(tmp_path, check_images='some')


def test_damaged_label(tmp_path):
    write(tmp_path / 'i/a.png')
    label = np.random.default_rng(0).integers(0, 2, SHAPE).astype(np.uint8)
    (tmp_path / 'l').mkdir()
    Image.fromarray(label).save(tmp_path / 'l/a.png')
    both = dict(img_suffix='.png', seg_map_suffix='.png', data_prefix=dict(img_path='i', seg_map_path='l'))
    assert np.array_equal(build(tmp_path, **both)[0]['gt_seg_map'], label)
    cut(tmp_path / 'l/a.png', 0.5)
    with pytest.raises(ValueError, match=r'l/a\.png is damaged or cut short'):
        build(tmp_path, **both)


def vrt(path, *sources, relative='1'):
    bands = ''.join(
        f'<VRTRasterBand dataType="Byte" band="{band}">'
        + ''.join(
            f'<SimpleSource><SourceFilename relativeToVRT="{relative}">{source}</SourceFilename>'
            f'<SourceBand>{band}</SourceBand><SrcRect xOff="0" yOff="0" xSize="400" ySize="600"/>'
            f'<DstRect xOff="{400 * i}" yOff="0" xSize="400" ySize="600"/></SimpleSource>'
            for i, source in enumerate(sources)
        )
        + '</VRTRasterBand>'
        for band in (1, 2, 3)
    )
    path.write_text(f'<VRTDataset rasterXSize="{400 * len(sources)}" rasterYSize="600">{bands}</VRTDataset>')


def test_virtual_rasters(tmp_path):
    east, west = write(tmp_path / 'parts/east.tif', smooth(1)), write(tmp_path / 'parts/west.tif', smooth(2))
    vrt(tmp_path / 'a.vrt', 'parts/west.tif', 'parts/east.tif')
    virtual = dict(img_suffix='.vrt')
    assert np.array_equal(build(tmp_path, **virtual)[0]['img'], np.hstack([smooth(2), smooth(1)]))
    vrt(tmp_path / 'b.vrt', 'a.vrt', west)
    build(tmp_path, **virtual)
    write(east, smooth(1), compress='deflate', interleave='pixel')
    hollow(east, 100, block=(0, 0))
    with pytest.raises(ValueError, match=r'parts/east\.tif is damaged .*not what was written'):
        build(tmp_path, check_images='all', **virtual)
    cut(east, 0.9)
    with pytest.raises(ValueError, match=r'parts/east\.tif is damaged or cut short'):
        build(tmp_path, **virtual)
    east.unlink()
    with pytest.raises(FileNotFoundError, match=r'a\.vrt refers to .*parts/east\.tif, which does not exist'):
        build(tmp_path, **virtual)


@pytest.mark.parametrize('parts', [('a.vrt',), ('b.vrt', 'a.vrt')])
def test_a_virtual_raster_that_is_made_of_itself(tmp_path, parts):
    for name, source in zip(('a.vrt', *parts), parts, strict=False):
        vrt(tmp_path / name, source)
    with pytest.raises(ValueError, match=r'\.vrt refers to .*a\.vrt, which is .* itself or made of it'):
        build(tmp_path, img_suffix='.vrt')


@pytest.mark.parametrize('suffix', ['.jpg', '.png', '.webp', '.tif'])
def test_images_that_are_shown_turned_are_refused(tmp_path, suffix):
    exif = Image.Exif()
    for orientation in (1, 6):
        exif[0x0112] = orientation
        tag = dict(tiffinfo={274: orientation}) if suffix == '.tif' else dict(exif=exif)
        Image.fromarray(smooth()).save(tmp_path / f'a{suffix}', **tag)
        if orientation == 1:
            build(tmp_path, img_suffix=suffix)
    with pytest.raises(ValueError, match=r'a\.\w+ has the orientation 6 .*auto-orient') as caught:
        build(tmp_path, img_suffix=suffix)
    assert is_user_error(caught.value)


def test_a_georeferenced_image_is_as_its_georeference_says(tmp_path):
    Image.fromarray(smooth()).save(tmp_path / 'a.tif', tiffinfo={274: 6})
    (tmp_path / 'a.tfw').write_text('0.5\n0\n0\n-0.5\n1000\n2000\n')
    assert len(build(tmp_path)) == 1
