"""Benchmarks of aerial and satellite imagery: what their downloads hold."""

from __future__ import annotations

from mmuda.converters.public.download import Archive, Download, Layout, Split
from mmuda.datasets.public.german_cities import GermanCity
from mmuda.datasets.public.metainfo import ISPRS_COLOURS
from mmuda.datasets.public.potsdam import Potsdam

MASK = frozenset((0, 255))
COLOURS = frozenset(ISPRS_COLOURS)

KAGGLE = 'https://www.kaggle.com/datasets/balraj98'
ISPRS = 'https://www.isprs.org/education/benchmarks/UrbanSemLab/default.aspx'
ISPRS_TERMS = 'research only; ask for access by the form on the page, and cite as it says'


def massachusetts(name: str, what: str, title: str, dataset: str, counts: tuple[int, int, int], bases) -> Download:
    """Both Massachusetts datasets have one layout: file by file on the author's page, and a copy on Kaggle."""
    folders = dict(zip(('train', 'val', 'test'), counts, strict=True))
    page = tuple(
        Split(split, f'{folder}/sat/*.tiff', f'{folder}/map/*.tif', count)
        for (split, count), folder in zip(folders.items(), ('train', 'valid', 'test'), strict=True)
    )
    copy = tuple(
        Split(split, f'tiff/{split}/*.tiff', f'tiff/{split}_labels/*.tif', count) for split, count in folders.items()
    )
    form = dict(size=(1500, 1500), codes=MASK)
    return Download(
        name=name,
        title=title,
        dataset=dataset,
        root=f'data/{name}',
        layouts=(Layout("as on the author's page", page, **form), Layout('as copied on Kaggle', copy, **form)),
        # The copy on Kaggle also holds everything as PNG.
        archives=(Archive(('archive*.zip', f'massachusetts-{what}-dataset*.zip'), skip=('png/',)),),
        address=f'https://www.cs.toronto.edu/~vmnih/data (file by file), or {KAGGLE}/massachusetts-{what}-dataset',
        terms='the page states none; cite the thesis of Mnih (2013)',
        bases=bases,
    )


def inria() -> Download:
    """Inria Aerial Image Labeling."""
    cities = ('austin', 'chicago', 'kitsap', 'tyrol-w', 'vienna')
    others = ('bellingham', 'bloomington', 'innsbruck', 'sfo', 'tyrol-e')
    train, test = (tuple(f'{city}{number}' for city in group for number in range(1, 37)) for group in (cities, others))
    splits = (
        Split('train', 'train/images/*.tif', 'train/gt/*.tif', names=train),
        Split('test', 'test/images/*.tif', names=test, optional=True),
    )
    return Download(
        name='inria',
        title='Inria Aerial Image Labeling',
        dataset='InriaBuildings',
        root='data/inria',
        layouts=(Layout('', splits, size=(5000, 5000), codes=MASK),),
        archives=(Archive(('NEW2-AerialImageDataset*.zip', 'AerialImageDataset*.zip'), strip=('AerialImageDataset',)),),
        address='https://project.inria.fr/aerialimagelabeling (aerialimagelabeling.7z.001 to .005)',
        terms='as the page says; cite Maggiori et al. (2017)',
        bases=('mass2inria', 'inria2mass'),
    )


def vaihingen() -> Download:
    """ISPRS Vaihingen; the eroded labels also hold an area without an image."""
    areas = (1, 3, 5, 7, 11, 13, 15, 17, 21, 23, 26, 28, 30, 32, 34, 37)
    areas += (2, 4, 6, 8, 10, 12, 14, 16, 20, 22, 24, 27, 29, 31, 33, 35, 38)
    stem = 'ISPRS_semantic_labeling_Vaihingen'
    folders = {
        'eroded labels': (f'{stem}_ground_truth_eroded_COMPLETE', '_noBoundary'),
        'complete labels': (f'{stem}_ground_truth_COMPLETE', ''),
    }
    layouts = tuple(
        Layout(
            what,
            (
                Split(
                    'all',
                    'top/top_mosaic_09cm_area*.tif',
                    f'{folder}/top_mosaic_09cm_area*{end}.tif',
                    names=tuple(map(str, sorted(areas))),
                    extra=('9',),
                ),
            ),
            label_bands=3,
            codes=COLOURS,
        )
        for what, (folder, end) in folders.items()
    )
    labels = tuple(Archive((f'{folder}*.zip',), folder, (folder,)) for folder, _ in folders.values())
    return Download(
        name='vaihingen',
        title='ISPRS Vaihingen',
        dataset='Vaihingen',
        root='data/vaihingen',
        layouts=layouts,
        archives=(*labels, Archive((f'{stem}.zip',), strip=(stem,))),
        address=ISPRS,
        terms=ISPRS_TERMS,
        bases=('vaihingen2potsdam', 'potsdam2vaihingen', 'vaih2pots', 'cities'),
    )


def potsdam() -> Download:
    """ISPRS Potsdam: three forms of the images, two of the labels."""
    tiles = tuple(sorted({tile for part in Potsdam.TILES.values() for tile in part}))
    images = {'3_Ortho_IRRG': ('IRRG', 3), '4_Ortho_RGBIR': ('RGBIR', 4), '2_Ortho_RGB': ('RGB', 3)}
    labels = {'5_Labels_all_noBoundary': '_label_noBoundary', '5_Labels_all': '_label'}
    layouts = tuple(
        Layout(
            f'{folder} with {label_folder}',
            (
                Split(
                    'all',
                    f'{folder}/top_potsdam_*_{bands}.tif',
                    f'{label_folder}/top_potsdam_*{end}.tif',
                    names=tiles,
                ),
            ),
            size=(6000, 6000),
            bands=count,
            label_bands=3,
            codes=COLOURS,
            # 4_12 was compressed with loss before its publication, 6_7 has another yellow.
            lossy=(f'_4_12{end}.tif', f'_6_7{end}.tif'),
            arguments=dict(
                data_prefix=dict(img_path=folder, seg_map_path=label_folder),
                img_suffix='_RGB.tif',
                seg_map_suffix=f'{end}.tif',
                label_colours=ISPRS_COLOURS,
                reduce_zero_label=False,
            )
            if bands == 'RGB'
            else {},
        )
        for folder, (bands, count) in images.items()
        for label_folder, end in labels.items()
    )
    return Download(
        name='potsdam',
        title='ISPRS Potsdam',
        dataset='Potsdam',
        root='data/potsdam',
        layouts=layouts,
        archives=tuple(Archive((f'{folder}.zip',), folder, (folder,)) for folder in (*images, *labels)),
        address=ISPRS,
        terms=ISPRS_TERMS,
        bases=('vaihingen2potsdam', 'potsdam2vaihingen', 'vaih2pots', 'cities'),
    )


def loveda() -> Download:
    """LoveDA. Publications differ in how many of the 1,796 images for test are urban, so these are not counted."""
    numbers = {
        'Train/Rural': range(0, 1366),
        'Train/Urban': range(1366, 2522),
        'Val/Rural': range(2522, 3514),
        'Val/Urban': range(3514, 4191),
    }
    splits = tuple(
        Split(folder, f'{folder}/images_png/*.png', f'{folder}/masks_png/*.png', names=tuple(map(str, names)))
        for folder, names in numbers.items()
    )
    splits += tuple(
        Split(f'Test/{area}', f'Test/{area}/images_png/*.png', optional=True) for area in ('Rural', 'Urban')
    )
    return Download(
        name='loveda',
        title='LoveDA',
        dataset='LoveDA',
        root='data/loveda',
        layouts=(Layout('', splits, size=(1024, 1024), label_bands=1, codes=frozenset(range(8))),),
        archives=(Archive(('Train.zip', 'Val.zip', 'Test.zip')),),
        address='https://zenodo.org/records/5706578',
        terms='CC BY-NC-SA 4.0, academic use only',
        bases=('loveda_urban2rural', 'loveda_rural2urban'),
        options=dict(area='urban'),
    )


def deepglobe_roads() -> Download:
    """DeepGlobe Road Extraction; only the images for training have labels."""
    splits = (
        Split('train', 'train/*_sat.jpg', 'train/*_mask.png', 6226),
        Split('valid', 'valid/*_sat.jpg', count=1243, optional=True),
        Split('test', 'test/*_sat.jpg', count=1101, optional=True),
    )
    return Download(
        name='deepglobe_roads',
        title='DeepGlobe Road Extraction',
        dataset='DeepGlobeRoads',
        root='data/deepglobe_roads',
        # Masks are not pure black and white; any value of 8 bits is read.
        layouts=(Layout('', splits, size=(1024, 1024)),),
        archives=(Archive(('archive*.zip', 'deepglobe-road*.zip', 'road-train*.zip', 'road-*.zip')),),
        address=f"{KAGGLE}/deepglobe-road-extraction-dataset (a copy of the challenge's)",
        terms='the terms of the challenge: research, not commercial',
        bases=('massroads2deepglobe', 'deepglobe2massroads'),
    )


def three_cities() -> Download:
    """Hannover, Buxtehude and Nienburg; no download is published, so the layout is that of the class."""
    tiles = [f'{row}_{col}' for row in range(GermanCity.SIDE) for col in range(GermanCity.SIDE)]
    splits = tuple(
        Split(city, f'img_dir/{city}_*.tif', f'ann_dir/{city}_*.tif', names=tuple(tiles), optional=True)
        for city in GermanCity.CITIES
    )
    return Download(
        name='three_cities',
        title='Hannover, Buxtehude and Nienburg',
        dataset='GermanCity',
        root='data/german_cities',
        layouts=(Layout('', splits, size=(2500, 2500), label_bands=1, codes=frozenset(range(6))),),
        archives=(),
        address='the authors of the semantic pairing paper; no download is published',
        terms='as agreed with the authors',
        bases=('cities',),
        options=dict(city='hannover'),
    )


def openearthmap() -> Download:
    """OpenEarthMap; images of the xBD dataset are not in the download, their labels are."""
    splits = (Split('all', 'images/*/*.tif', 'labels/*/*.tif', unlabelled=True, unpictured=True),)
    return Download(
        name='openearthmap',
        title='OpenEarthMap',
        dataset='OpenEarthMap',
        root='data/openearthmap',
        layouts=(Layout('', splits, codes=frozenset(range(9))),),
        archives=(Archive(('OpenEarthMap*.zip',), strip=('OpenEarthMap', 'OpenEarthMap_wo_xBD')),),
        address='https://zenodo.org/records/7223446',
        terms='those of each source, listed on https://open-earth-map.org; some are not commercial',
        moves=(r'^([^/]+)/(images|labels)/([^/]+\.tif)$', r'\2/\1/\3'),
    )


AERIAL = (
    massachusetts(
        'massachusetts_buildings',
        'buildings',
        'Massachusetts Buildings',
        'MassachusettsBuildings',
        (137, 4, 10),
        ('mass2inria', 'inria2mass'),
    ),
    massachusetts(
        'massachusetts_roads',
        'roads',
        'Massachusetts Roads',
        'MassachusettsRoads',
        (1108, 14, 49),
        ('massroads2deepglobe', 'deepglobe2massroads'),
    ),
    inria(),
    deepglobe_roads(),
    vaihingen(),
    potsdam(),
    three_cities(),
    loveda(),
    openearthmap(),
)
