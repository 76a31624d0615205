"""Benchmarks of street scenes: what their downloads hold."""

from __future__ import annotations

from mmuda.converters.public.download import Archive, Download, Layout, Split
from mmuda.datasets.public.street_scenes import GTA5

GTA5_COUNT, SYNTHIA_COUNT = 24966, 9400

STREET = (
    Download(
        name='gta5',
        title='GTA5 (Playing for Data)',
        dataset='GTA5',
        root='data/gta5',
        layouts=(
            Layout(
                '',
                (
                    Split(
                        'all',
                        'images/*.png',
                        'labels/*.png',
                        names=tuple(f'{number:05d}' for number in range(1, GTA5_COUNT + 1)),
                        uneven=GTA5.UNFIT,
                    ),
                ),
                bands=None,
                label_bands=1,
            ),
        ),
        archives=(Archive(tuple(f'{part:02d}_{kind}.zip' for kind in ('images', 'labels') for part in range(1, 11))),),
        address='https://download.visinf.tu-darmstadt.de/data/from_games',
        terms='research and education, not commercial, as the page says',
        bases=('gta2cityscapes',),
    ),
    Download(
        name='synthia',
        title='SYNTHIA-RAND-CITYSCAPES',
        dataset='Synthia',
        root='data/synthia',
        layouts=(
            Layout(
                '',
                (
                    Split(
                        'all',
                        'RGB/*.png',
                        'GT/LABELS/*.png',
                        names=tuple(f'{number:07d}' for number in range(SYNTHIA_COUNT)),
                    ),
                ),
                size=(760, 1280),
                bands=None,
                label_dtype='uint16',
                codes=frozenset(range(23)),
            ),
        ),
        archives=(Archive(('*RAND_CITYSCAPES*.zip', '*RAND_CITYSCAPES*.tar.gz'), strip=('RAND_CITYSCAPES',)),),
        address='https://synthia-dataset.net/downloads (SYNTHIA_RAND_CITYSCAPES.rar)',
        terms='CC BY-NC-SA 3.0',
        bases=('synthia2cityscapes',),
    ),
    Download(
        name='cityscapes',
        title='Cityscapes',
        dataset='Cityscapes',
        root='data/cityscapes',
        layouts=(
            Layout(
                '',
                tuple(
                    Split(
                        split,
                        f'leftImg8bit/{split}/*/*_leftImg8bit.png',
                        f'gtFine/{split}/*/*_gtFine_labelIds.png',
                        count,
                        optional=split == 'test',
                    )
                    for split, count in dict(train=2975, val=500, test=1525).items()
                ),
                size=(1024, 2048),
                label_bands=1,
                codes=frozenset((*range(34), 255)),
            ),
        ),
        archives=(
            Archive(('leftImg8bit_trainvaltest.zip', 'gtFine_trainvaltest.zip'), skip=('README', 'license', 'LICENSE')),
        ),
        address='https://www.cityscapes-dataset.com/downloads',
        terms='its own licence, not commercial; register on the page',
        bases=('gta2cityscapes', 'synthia2cityscapes'),
    ),
)
