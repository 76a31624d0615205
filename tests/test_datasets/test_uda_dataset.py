import json
import pickle
import random

import numpy as np
import pytest
import torch
from mmengine.dataset import pseudo_collate
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from torch.utils.data import ConcatDataset, DataLoader, Dataset

from mmuda.datasets import DrawIndex, DrawSampler, UDADataset, build_pairing
from mmuda.utils.seeds import mix_seed, seeded


class Toy(Dataset):
    """Items of three random numbers, one of each generator that a transform may use."""

    def __init__(self, length, classes=('a', 'b'), labelled=None, loads_label=False, label=0):
        self.length = length
        self.label = label
        self.metainfo = dict(classes=classes) if classes else {}
        self.loads_label = loads_label
        if labelled is not None:
            self.labelled = labelled

    def __len__(self):
        return self.length

    def __getitem__(self, index):
        data_sample = SegDataSample(metainfo=dict(img_path=f'{index}.tif'))
        if self.loads_label:
            data_sample.gt_sem_seg = PixelData(data=torch.full((1, 1, 1), self.label))
        inputs = torch.tensor([random.random(), np.random.rand(), torch.rand(()).item(), index], dtype=torch.float64)
        return dict(inputs=inputs, data_samples=data_sample)


def toy_uda(**kwargs):
    return UDADataset(source=Toy(5), target=Toy(7), exemplar=Toy(3, classes=None), **kwargs)


def trace(dataset, count, num_workers=0, skip=0, seed=3):
    sampler = DrawSampler(dataset, seed=seed)
    if skip:
        sampler.skip(skip)
    loader = DataLoader(
        dataset, batch_size=2, sampler=sampler, num_workers=num_workers, collate_fn=pseudo_collate, drop_last=True
    )
    samples = []
    for batch in loader:
        samples += [
            torch.stack([batch[name]['inputs'][i] for name in ('source', 'target', 'exemplar')]) for i in (0, 1)
        ]
        if len(samples) >= count:
            return torch.stack(samples[:count])


def test_streams_and_domains():
    dataset = toy_uda()
    assert len(dataset) == 5
    assert dataset.metainfo == dict(classes=('a', 'b'))
    item = dataset[4]
    assert list(item) == ['source', 'target', 'exemplar']
    assert [item[name]['data_samples'].domain for name in item] == ['source', 'target', 'exemplar']
    assert item['source']['inputs'][3] == 4
    assert list(UDADataset(source=Toy(5))[0]) == ['source']


def test_without_a_source_the_index_selects_the_target_item():
    dataset = UDADataset(target=Toy(7, classes=('x', 'y')), exemplar=Toy(3, classes=None))
    assert len(dataset) == 7 and dataset.metainfo == dict(classes=('x', 'y')) and dataset.source is None
    assert [int(dataset[i]['target']['inputs'][3]) for i in range(7)] == list(range(7))
    whole = UDADataset(source=Toy(5), target=Toy(7))
    index = DrawIndex(2, draw=10, seed=0)
    alone, beside = UDADataset(target=Toy(7))[index]['target'], whole[index]['target']
    assert alone['data_samples'].domain == 'target' and set(alone) == set(beside)
    with pytest.raises(ValueError, match='neither a source nor a target'):
        UDADataset(exemplar=Toy(3))
    with pytest.raises(ValueError, match='got a pairing but no source'):
        UDADataset(target=Toy(7), pairing='random_once')
    with pytest.raises(ValueError, match='reads labels, which training must not use'):
        UDADataset(target=Toy(7, labelled=True))
    with pytest.raises(ValueError, match='classes of the target .*differ in name'):
        UDADataset(target=Toy(7), tiles=Toy(3, classes=('a', 'c')))


def test_a_sample_depends_on_seed_and_draw_alone():
    dataset = toy_uda()
    first = dataset[DrawIndex(2, draw=10, seed=0)]
    np.random.rand(5)
    torch.rand(5)
    again = dataset[DrawIndex(2, draw=10, seed=0)]
    for name in first:
        assert torch.equal(first[name]['inputs'], again[name]['inputs'])
    assert not torch.equal(first['source']['inputs'], first['target']['inputs'])
    for other in (DrawIndex(2, draw=11, seed=0), DrawIndex(2, draw=10, seed=1)):
        assert not torch.equal(first['source']['inputs'], dataset[other]['source']['inputs'])


def test_a_further_stream_leaves_the_others_as_they_were():
    index = DrawIndex(2, draw=10, seed=0)
    plain = UDADataset(source=Toy(5), target=Toy(7))[index]
    more = UDADataset(source=Toy(5), target=Toy(7), exemplar=Toy(3))[index]
    for name in plain:
        assert torch.equal(plain[name]['inputs'], more[name]['inputs'])


def test_drawing_leaves_the_generators_alone():
    random.seed(1), np.random.seed(1), torch.manual_seed(1)
    expected = random.random(), np.random.rand(), torch.rand(()).item()
    random.seed(1), np.random.seed(1), torch.manual_seed(1)
    toy_uda()[DrawIndex(0, draw=0, seed=0)]
    assert (random.random(), np.random.rand(), torch.rand(()).item()) == expected
    with pytest.raises(RuntimeError), seeded(4):
        np.random.seed(0)
        raise RuntimeError
    assert np.random.rand() != np.random.RandomState(0).rand()


def test_any_number_of_workers_gives_the_same_samples():
    dataset = toy_uda()
    alone = trace(dataset, 12)
    assert torch.equal(alone, trace(dataset, 12, num_workers=1))
    assert torch.equal(alone, trace(dataset, 12, num_workers=2))


def test_resume_by_skip_equals_the_uninterrupted_run():
    dataset = toy_uda()
    whole = trace(dataset, 12)
    for workers in (0, 2):
        assert torch.equal(whole[6:], trace(dataset, 6, num_workers=workers, skip=6))


def test_two_ranks_share_the_draws(monkeypatch):
    def indices(rank, world_size, count):
        monkeypatch.setattr('mmengine.dataset.sampler.get_dist_info', lambda: (rank, world_size))
        iterator = iter(DrawSampler(Toy(5), seed=3))
        return [next(iterator) for _ in range(count)]

    alone, first, second = indices(0, 1, 10), indices(0, 2, 5), indices(1, 2, 5)
    assert [index.draw for index in alone] == list(range(10))
    assert [index.draw for index in first] == [0, 2, 4, 6, 8]
    assert [index.draw for index in second] == [1, 3, 5, 7, 9]
    assert sorted(map(int, alone[:5])) == list(range(5))
    # Together the ranks walk through what one process would.
    assert [index for pair in zip(first, second, strict=True) for index in map(int, pair)] == list(map(int, alone))


def test_draw_index_travels_to_workers():
    index = pickle.loads(pickle.dumps(DrawIndex(3, draw=8, seed=2)))
    assert (int(index), index.draw, index.seed, [0, 1, 2, 3][index]) == (3, 8, 2, 3)
    assert len({mix_seed(seed, draw, stream) for seed in range(9) for draw in range(9) for stream in 'ab'}) == 162


def test_random_pairing_reaches_every_target():
    dataset = UDADataset(source=Toy(5), target=Toy(7))
    drawn = {int(dataset[DrawIndex(0, draw=draw, seed=0)]['target']['inputs'][3]) for draw in range(100)}
    assert drawn == set(range(7))


@pytest.mark.parametrize('table', [[6, 0, 1, 1, 2], {'0': 6, '1': 0, '2': 1, '3': 1, '4': 2}])
def test_given_pairing(tmp_path, table):
    path = tmp_path / 'pairs.json'
    path.write_text(json.dumps(table))
    for pairing in (table, str(path)):
        dataset = UDADataset(source=Toy(5), target=Toy(7), pairing=pairing)
        assert [int(dataset[i]['target']['inputs'][3]) for i in range(5)] == [6, 0, 1, 1, 2]


def test_given_pairing_with_several_candidates():
    pairing = build_pairing([[0, 2], 1], 2, 3)
    assert {pairing(0) for _ in range(50)} == {0, 2}
    assert pairing(1) == 1


@pytest.mark.parametrize(
    ('table', 'message'),
    [
        ([0, 1], 'has no entry for source item 2 of 3'),
        ([0, 1, 4], r'pairs source item 2 with 4, but the target has the items 0\.\.3'),
        ([0, 1, []], 'pairs source item 2 with nothing'),
        ([0, 1, 2, 3], 'has an entry for source item 3, but the source has 3 items'),
        ([0, 1, 1.5], 'holds 1.5, which is no index'),
        ({'x': 1}, "holds 'x', which is no index"),
    ],
)
def test_unfit_pairing(tmp_path, table, message):
    path = tmp_path / 'pairs.json'
    path.write_text(json.dumps(table))
    with pytest.raises(ValueError, match=f'pairs.json {message}'):
        build_pairing(str(path), 3, 4)


def test_unreadable_pairing(tmp_path):
    with pytest.raises(FileNotFoundError, match="neither 'random', 'random_once' nor an existing file"):
        build_pairing('semantic', 3, 4)
    (tmp_path / 'x.json').write_text('{')
    with pytest.raises(ValueError, match=r'x\.json is no JSON'):
        build_pairing(str(tmp_path / 'x.json'), 3, 4)
    (tmp_path / 'x.json').write_text('3')
    with pytest.raises(ValueError, match=r'x\.json holds 3; write a list or object'):
        build_pairing(str(tmp_path / 'x.json'), 3, 4)
    with pytest.raises(ValueError, match='got a pairing but no target'):
        UDADataset(source=Toy(3), pairing=[0, 1, 2])


@pytest.mark.parametrize(
    ('target', 'message'),
    [
        (Toy(7, classes=('a', 'b', 'c')), r"source has 2 classes \('a', 'b'\) but the target has 3"),
        (
            Toy(7, classes=('b', 'a')),
            r"the source \('a', 'b'\) and of the target \('b', 'a'\) differ in order",
        ),
        (Toy(7, labelled=True), 'reads labels, which training must not use; set labelled=False'),
        (Toy(0), "stream 'target' of UDADataset has no items"),
    ],
)
def test_unfit_target(target, message):
    with pytest.raises(ValueError, match=message):
        UDADataset(source=Toy(5), target=target)


def test_labels_of_source_and_target():
    with pytest.raises(ValueError, match='source of UDADataset has no labels'):
        UDADataset(source=Toy(5, labelled=False))
    dataset = UDADataset(source=Toy(5, loads_label=True), target=Toy(7, loads_label=True))
    with pytest.raises(ValueError, match=r'\.tif has a label, which training must not read'):
        dataset[0]
    assert 'gt_sem_seg' in UDADataset(source=Toy(5, loads_label=True))[0]['source']['data_samples']
    UDADataset(source=Toy(5), target=Toy(7, classes=None))


class Joined(ConcatDataset):
    """Several datasets as one, as mmengine's of that name."""

    metainfo = dict(classes=('a', 'b'))


def test_several_datasets_are_one_stream():
    found = UDADataset(source=Joined([Toy(2), Joined([Toy(3), Toy(1)])]), target=Joined([Toy(4), Toy(1)]))
    paths = [found[index]['source']['data_samples'].metainfo['img_path'] for index in range(len(found))]
    assert paths == ['0.tif', '1.tif', '0.tif', '1.tif', '2.tif', '0.tif']
    with pytest.raises(ValueError, match='reads labels, which training must not use'):
        UDADataset(source=Toy(5), target=Joined([Toy(4), Joined([Toy(1, labelled=True)])]))
    with pytest.raises(ValueError, match='source of UDADataset has no labels'):
        UDADataset(source=Joined([Toy(4), Toy(5, labelled=False)]))


@pytest.mark.parametrize(
    ('classes', 'how'), [(('b', 'a'), 'differ in order'), (('a', 'c'), 'differ in name'), (('a',), 'but')]
)
def test_further_streams_have_the_classes_of_the_source(classes, how):
    with pytest.raises(ValueError, match=f"stream 'tiles' .*{how}|{how} the stream 'tiles'"):
        UDADataset(source=Toy(5), tiles=Toy(3, classes=classes))


def test_labels_of_mmsegs_datasets_are_checked_when_they_are_drawn():
    for label in (0, 1, 255):
        assert UDADataset(source=Toy(5, loads_label=True, label=label))[0]
    for label in (2, -1):
        dataset = UDADataset(source=Toy(5, loads_label=True, label=label))
        with pytest.raises(
            ValueError, match=rf"of 3\.tif holds {label} .*stream 'source' has the classes 0\.\.1 and 255"
        ):
            dataset[3]


def test_rasters_of_two_resolutions_batch_together(tmp_path, write_raster, coded_image):
    classes = dict(classes=('background', 'building'))
    write_raster(tmp_path / 'source/x_image.tif', coded_image(64, 64), gsd=1.0)
    write_raster(tmp_path / 'source/x_label.tif', coded_image(64, 64)[..., 0] % 2, gsd=1.0)
    write_raster(tmp_path / 'target/y_image.tif', coded_image(200, 200), gsd=0.3)
    pipeline = [
        dict(type='RandomGroundCrop', extent=30.0),
        dict(type='LoadRasterWindow'),
        dict(type='ResolutionPair', coarse_gsd=1.0, fine_gsd=0.3),
        dict(type='RandomFlipAll'),
        dict(type='PackUDAInputs'),
    ]
    common = dict(type='RasterDataset', img_suffix='_image.tif', metainfo=classes, pipeline=pipeline)
    dataset = UDADataset(
        source=dict(
            data_root=str(tmp_path / 'source'),
            data_prefix=dict(img_path='', seg_map_path=''),
            seg_map_suffix='_label.tif',
            **common,
        ),
        target=dict(data_root=str(tmp_path / 'target'), data_prefix=dict(img_path=''), **common),
    )

    def batches(num_workers):
        loader = DataLoader(
            dataset,
            batch_size=2,
            sampler=DrawSampler(dataset, seed=0),
            num_workers=num_workers,
            collate_fn=pseudo_collate,
        )
        return [batch for batch, _ in zip(loader, range(3), strict=False)]

    alone, workers = batches(0), batches(2)
    for one, other in zip(alone, workers, strict=True):
        for name in ('source', 'target'):
            assert torch.stack(one[name]['inputs']).shape == (2, 3, 30, 30)
            assert torch.stack(one[name]['fine_image']).shape == (2, 3, 100, 100)
            assert torch.equal(torch.stack(one[name]['inputs']), torch.stack(other[name]['inputs']))
            windows = [[sample.window for sample in batch[name]['data_samples']] for batch in (one, other)]
            assert windows[0] == windows[1]
        assert one['source']['data_samples'][0].gt_sem_seg.data.shape == (1, 100, 100)
        assert one['target']['data_samples'][0].domain == 'target'
