"""Public benchmarks as they are downloaded: official names, folders and encodings, but tiny images and fewer of them.

The layouts are written down here once more, from the benchmarks' pages, and not taken from the table under test.
"""

import tarfile
import warnings
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import rasterio
from PIL import Image
from rasterio import Affine
from rasterio.errors import NotGeoreferencedWarning

HEIGHT, WIDTH = 6, 10
# Impervious surfaces, building, low vegetation, tree, car, clutter.
ISPRS = [(255, 255, 255), (0, 0, 255), (0, 255, 255), (0, 255, 0), (255, 255, 0), (255, 0, 0)]
BLACK = (0, 0, 0)
POTSDAM = {2: range(10, 15), 3: range(10, 15), 4: range(10, 16), 5: range(10, 16), 6: range(7, 16), 7: range(7, 14)}
CLASS_OF_PIXEL = np.arange(HEIGHT * WIDTH).reshape(HEIGHT, WIDTH)


def picture(bands=3, seed=0):
    return np.random.default_rng(seed).integers(1, 255, (HEIGHT, WIDTH, bands), dtype=np.uint8)


def coded(values, dtype=np.uint8):
    """A label whose pixels go through the values in turn."""
    return np.array(values, dtype=dtype)[CLASS_OF_PIXEL % len(values)]


def write(path, array, gsd=None, **profile):
    """A GeoTIFF, PNG or JPEG, by its suffix."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix in ('.png', '.jpg') and array.dtype == np.uint8:
        Image.fromarray(array).save(path)
        return
    bands = array[..., None] if array.ndim == 2 else array
    driver = 'PNG' if path.suffix == '.png' else 'GTiff'
    profile |= dict(driver=driver, height=HEIGHT, width=WIDTH, count=bands.shape[2], dtype=str(bands.dtype))
    if gsd is not None:
        profile |= dict(crs='EPSG:32633', transform=Affine(gsd, 0.0, 5e5, 0.0, -gsd, 5e6))
    with warnings.catch_warnings():
        warnings.simplefilter('ignore', NotGeoreferencedWarning)
        with rasterio.open(path, 'w', **profile) as file:
            file.write(np.moveaxis(bands, -1, 0))


def massachusetts(root, red=True):
    """As on the author's page: two, one and one image of each split; buildings are red, roads white."""
    mask = coded([0, 255])
    mask = np.stack([mask, 0 * mask, 0 * mask], -1) if red else mask
    for split, names in dict(
        train=('22678915_15', '22678930_15'), valid=('22978945_15',), test=('22828930_15',)
    ).items():
        for name in names:
            write(root / split / 'sat' / f'{name}.tiff', picture())
            write(root / split / 'map' / f'{name}.tif', mask)


def massachusetts_of_kaggle(root):
    """The copy: everything as TIFF and as PNG."""
    for split, name in dict(train='22678915_15', val='22978945_15', test='22828930_15').items():
        for kind, ends in dict(tiff=('.tiff', '.tif'), png=('.png', '.png')).items():
            write(root / kind / split / f'{name}{ends[0]}', picture())
            write(root / kind / f'{split}_labels' / f'{name}{ends[1]}', np.repeat(coded([0, 255])[..., None], 3, -1))
    (root / 'label_class_dict.csv').write_text('name,r,g,b\n')


def inria(root, numbers=range(1, 37)):
    """All 180 labelled images and the images for test, below AerialImageDataset."""
    root = root / 'AerialImageDataset'
    for city in ('austin', 'chicago', 'kitsap', 'tyrol-w', 'vienna'):
        for number in numbers:
            write(root / 'train' / 'images' / f'{city}{number}.tif', picture(seed=number), gsd=0.3)
            write(root / 'train' / 'gt' / f'{city}{number}.tif', coded([0, 255]), gsd=0.3)
    for city in ('bellingham', 'bloomington', 'innsbruck', 'sfo', 'tyrol-e'):
        for number in numbers:
            write(root / 'test' / 'images' / f'{city}{number}.tif', picture(), gsd=0.3)


def vaihingen(root):
    """The three archives' content, each in a folder of its archive's name."""
    stem = root / 'ISPRS_semantic_labeling_Vaihingen'
    areas = [1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12, 13, 14, 15, 16, 17, 20, 21, 22, 23, 24, 26, 27, 28, 29, 30, 31, 32, 33]
    for area in (*areas, 34, 35, 37, 38):
        name = f'top_mosaic_09cm_area{area}'
        write(stem / 'top' / f'{name}.tif', picture(seed=area), gsd=0.09)
        write(stem / 'dsm' / f'dsm_09cm_matching_area{area}.tif', picture(1).astype(np.float32))
        write(Path(f'{stem}_ground_truth_COMPLETE', f'{name}.tif'), coded(ISPRS))
        write(Path(f'{stem}_ground_truth_eroded_COMPLETE', f'{name}_noBoundary.tif'), coded([*ISPRS, BLACK]))
    write(Path(f'{stem}_ground_truth_eroded_COMPLETE', 'top_mosaic_09cm_area9_noBoundary.tif'), coded(ISPRS))


def lossy_potsdam(row, col):
    """The colours as published: those of 4_12 were compressed with loss, and 6_7 has another yellow."""
    colours = {(4, 12): [(9, 222, 221) if c == (0, 255, 255) else c for c in ISPRS]}
    colours[4, 12][0] = (225, 227, 227)
    colours[6, 7] = [(252, 255, 0) if c == (255, 255, 0) else c for c in ISPRS]
    return colours.get((row, col), ISPRS)


def potsdam(root, kinds=('3_Ortho_IRRG',), labels=('5_Labels_all', '5_Labels_all_noBoundary')):
    """38 tiles in folders of the archives' names."""
    for row, columns in POTSDAM.items():
        for col in columns:
            for kind in kinds:
                bands = kind.split('_')[2]
                image = picture(4 if bands == 'RGBIR' else 3, seed=100 * row + col)
                write(root / kind / f'top_potsdam_{row}_{col}_{bands}.tif', image, gsd=0.05)
            for folder in labels:
                end = '_noBoundary' if folder.endswith('noBoundary') else ''
                colours = lossy_potsdam(row, col) + ([BLACK] if end else [])
                write(root / folder / f'top_potsdam_{row}_{col}_label{end}.tif', coded(colours), gsd=0.05)


def loveda(root):
    """Two images of each split and area."""
    number = 0
    for split in ('Train', 'Val', 'Test'):
        for area in ('Rural', 'Urban'):
            for _ in range(2):
                write(root / split / area / 'images_png' / f'{number}.png', picture(seed=number))
                if split != 'Test':
                    write(root / split / area / 'masks_png' / f'{number}.png', coded(range(8)))
                number += 1


def deepglobe_roads(root):
    """Masks in three bands that are not pure black and white; only the images for training have them."""
    for split, numbers in dict(train=(18, 34, 35), valid=(36,), test=(37,)).items():
        for number in numbers:
            write(root / split / f'{number}_sat.jpg', picture(seed=number))
            if split == 'train':
                write(root / split / f'{number}_mask.png', np.repeat(coded([0, 3, 130, 255])[..., None], 3, -1))
    (root / 'metadata.csv').write_text('image_id,split,sat_image_path,mask_path\n')


def three_cities(root):
    """16 tiles of each city, as the class reads them."""
    for city in ('hannover', 'buxtehude', 'nienburg'):
        for tile in range(16):
            name = f'{city}_{tile // 4}_{tile % 4}.tif'
            write(root / 'img_dir' / name, picture(seed=tile), gsd=0.2)
            write(root / 'ann_dir' / name, coded(range(6)), gsd=0.2)


def gta5(root):
    """Three images; the label of 15188 has another size. Labels have a colour table."""
    for name in ('00001', '00002', '15188'):
        write(root / 'images' / f'{name}.png', picture()[: 4 if name == '15188' else None])
        label = Image.fromarray(coded(range(35)), mode='P')
        label.putpalette([channel for value in range(256) for channel in (value, 255 - value, 7)])
        (root / 'labels').mkdir(exist_ok=True)
        label.save(root / 'labels' / f'{name}.png')


def synthia(root):
    """16 bits per band: class, instance, nothing."""
    root = root / 'RAND_CITYSCAPES'
    values = coded(range(23), np.uint16)
    for name in ('0000000', '0000001'):
        write(root / 'RGB' / f'{name}.png', picture())
        write(root / 'GT' / 'LABELS' / f'{name}.png', np.stack([values, values * 1000, 0 * values], -1))
        write(root / 'GT' / 'COLOR' / f'{name}.png', picture())


def cityscapes(root):
    """One image of each split, in folders of cities."""
    for split, city in dict(train='aachen', val='ulm', test='berlin').items():
        name = f'{city}_000000_000019'
        write(root / 'leftImg8bit' / split / city / f'{name}_leftImg8bit.png', picture())
        for kind in ('labelIds', 'instanceIds'):
            ids = coded([*range(34), 255]) if kind == 'labelIds' else coded(range(256))
            write(root / 'gtFine' / split / city / f'{name}_gtFine_{kind}.png', ids)
    (root / 'license.txt').write_text('terms')
    (root / 'README').write_text('read me')


def openearthmap(root):
    """Two regions; one label's image is of xBD and missing, and the test image has no label."""
    root = root / 'OpenEarthMap' / 'OpenEarthMap_wo_xBD'
    for name in ('aachen_1', 'aachen_2', 'el_rodeo_18', 'el_rodeo_3'):
        region = name.rpartition('_')[0]
        if name != 'el_rodeo_18':
            write(root / region / 'images' / f'{name}.tif', picture(), gsd=0.25)
        if name != 'el_rodeo_3':
            write(root / region / 'labels' / f'{name}.tif', coded(range(9)), gsd=0.25)
    for split, names in dict(train=('aachen_1', 'el_rodeo_18'), val=('aachen_2',), test=('el_rodeo_3',)).items():
        (root / f'{split}.txt').write_text(''.join(f'{name}.tif\n' for name in names))


def shrunk(download, counts=(), names=None):
    """A benchmark with the tiny images' size, and other numbers of images: by place of the split, or these names."""
    layouts = []
    for layout in download.layouts:
        splits = []
        for place, split in enumerate(layout.splits):
            split = replace(split, count=counts[place], names=()) if counts else split
            splits.append(replace(split, names=tuple(names)) if names is not None else split)
        size = None if layout.size is None else (HEIGHT, WIDTH)
        layouts.append(replace(layout, splits=tuple(splits), size=size))
    return replace(download, layouts=tuple(layouts))


def zipped(folder, path, top=''):
    """A zip archive of a folder's files, below ``top`` in it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, 'w', zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(folder.rglob('*')):
            if file.is_file():
                archive.write(file, Path(top, file.relative_to(folder)).as_posix())
    return path


def tarred(folder, path):
    """A compressed tar archive of a folder's files."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, 'w:gz') as archive:
        archive.add(folder, arcname='.')
    return path
