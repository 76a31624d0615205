"""Pairs of every strategy against plain loops over all patches; kills, blocks and processes change nothing."""

import json
import sys

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

import mmuda.synthetic  # noqa: F401  (registers)
from mmuda.apis import UserError, init_model
from mmuda.apis import pair_scores as scores
from mmuda.apis.pair_domains import PAIRING_STRATEGIES, pair_domains, similarity_of_pairs
from mmuda.datasets.pairing import build_pairing
from mmuda.registry import DATASETS
from mmuda.testing.processes import finish, start
from mmuda.utils.locks import sole_writer

SIZE, CLASSES = 16, ('a', 'b', 'c')


@pytest.fixture(scope='module')
def cities(tmp_path_factory):
    """A source and a target whose labels are blotches, with ignored pixels; images are noise about the label."""
    import rasterio

    root = tmp_path_factory.mktemp('cities')
    for seed, city in enumerate(('source', 'target')):
        rng = np.random.default_rng(seed)
        coarse = rng.integers(0, 3, (12, 10))
        label = np.kron(coarse, np.ones((6, 6), int)).astype(np.uint8)
        image = (label * 80 + rng.integers(0, 60, label.shape)).astype(np.uint8)
        label[rng.random(label.shape) < 0.05] = 255
        for kind, bands in (('img', np.stack([image] * 3)), ('ann', label[None])):
            path = root / city / kind / 'a.tif'
            path.parent.mkdir(parents=True)
            profile = dict(driver='GTiff', count=len(bands), height=72, width=60, dtype='uint8')
            with rasterio.open(
                path, 'w', crs='EPSG:32633', transform=rasterio.Affine(1, 0, 0, 0, -1, 0), **profile
            ) as f:
                f.write(bands)
    return root


@pytest.fixture
def cfg(cities, tiny):
    def patches(city, **options):
        folder = cities / city
        rasters = dict(
            type='RasterDataset',
            metainfo=dict(classes=CLASSES),
            data_prefix=dict(img_path=str(folder / 'img'), seg_map_path=str(folder / 'ann')),
        )
        return dict(
            type='PatchSet', dataset=dict(rasters, **options), patches_per_raster=20, size=SIZE,
            pipeline=[dict(type='PackUDAInputs')],
        )  # fmt: skip

    cfg = tiny(model__segmentor__decode_head__num_classes=3)
    cfg.train_dataloader.dataset = dict(
        type='UDADataset', source=patches('source'), target=patches('target', labelled=False)
    )
    return cfg


def sets(cfg):
    target = cfg.train_dataloader.dataset.target.to_dict()
    target['dataset']['labelled'] = True
    return DATASETS.build(cfg.train_dataloader.dataset.source.to_dict()), DATASETS.build(target)


def label_of(sample):
    return sample['data_samples'].gt_sem_seg.data[0].numpy()


def best(scores):
    return [int(np.argmax(row)) for row in scores]


@pytest.fixture
def checkpoint(cfg, tmp_path):
    torch.manual_seed(0)
    model = init_model(cfg)
    for parameter in model.segmentor.decode_head.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    torch.save(dict(state_dict=model.state_dict()), tmp_path / 'source.pth')
    return tmp_path / 'source.pth'


def run(cfg, tmp_path, strategy, checkpoint=None, name='pairs.json', **options):
    result = pair_domains(cfg, tmp_path / name, strategy, checkpoint, report=lambda _: None, **options)
    assert json.loads((tmp_path / name).read_text()) == result
    assert (tmp_path / f'{name}.png').stat().st_size > 10_000
    assert not list(tmp_path.glob('.pairs*'))
    return result


def ground_truth_scores(cfg):
    source, target = sets(cfg)
    scores = np.zeros((len(source), len(target)))
    for i in range(len(source)):
        for j in range(len(target)):
            ours, theirs = label_of(source[i]), label_of(target[j])
            valid = (ours != 255) & (theirs != 255)
            scores[i, j] = (ours == theirs)[valid].mean()
    return scores


@pytest.mark.parametrize('memory', [1 << 30, 1])
def test_ground_truth_is_the_argmax_of_semsim(cfg, tmp_path, memory):
    scores = ground_truth_scores(cfg)
    result = run(cfg, tmp_path, 'ground_truth', memory=memory)
    assert result['pairs'] == best(scores)
    assert result['scores'] == pytest.approx(scores.max(axis=1).tolist(), abs=1e-6)
    assert result['mean'] == pytest.approx(scores.max(axis=1).mean()) and result['std'] > 0
    found, index = similarity_of_pairs(cfg, str(tmp_path / 'pairs.json'))
    assert found.tolist() == pytest.approx(result['scores'], abs=1e-6) and index.tolist() == result['pairs']


def test_approximation_is_the_argmax_of_semsim_of_predictions(cfg, tmp_path, checkpoint):
    result = run(cfg, tmp_path, 'approximation', checkpoint, device='cpu')
    model = init_model(cfg, checkpoint, 'cpu')
    source, target = sets(cfg)
    probabilities = []
    for j in range(len(target)):
        image = (target[j]['inputs'].float() - 127.5) / 127.5
        with torch.no_grad():
            logits = model.segmentor.decode_head(model.segmentor.backbone(image[None]))
        resized = torch.nn.functional.interpolate(logits, size=(SIZE, SIZE), mode='bilinear', align_corners=False)
        probabilities.append(resized.softmax(dim=1)[0].double().numpy())
    scores = np.zeros((len(source), len(target)))
    for i in range(len(source)):
        label = label_of(source[i])
        rows, cols = np.nonzero(label != 255)
        for j, prob in enumerate(probabilities):
            scores[i, j] = prob[label[rows, cols], rows, cols].mean()
    assert result['scores'] == pytest.approx(scores.max(axis=1).tolist(), abs=1e-6)
    assert result['pairs'] == best(scores)


def test_shuffled_pairs_are_the_ground_truths_targets_in_another_order(cfg, tmp_path):
    truth, shuffled = (
        run(cfg, tmp_path, 'ground_truth'),
        run(cfg, tmp_path, 'shuffled_ground_truth', name='pairs2.json'),
    )
    assert sorted(truth['pairs']) == sorted(shuffled['pairs']) and truth['pairs'] != shuffled['pairs']
    assert similarity_of_pairs(cfg, str(tmp_path / 'pairs2.json'))[0].mean() < truth['mean']


def test_pairs_of_other_patches_are_not_compared(cfg, tmp_path):
    run(cfg, tmp_path, 'random')
    cfg.train_dataloader.dataset.source.seed = 7
    with pytest.raises(UserError, match='seed was 0, and is 7'):
        similarity_of_pairs(cfg, str(tmp_path / 'pairs.json'))


def kernel_mmd(ours, theirs, bandwidth):
    def kernel(a, b):
        return np.exp(-((a[:, None] - b[None]) ** 2).sum(-1) / (2 * bandwidth**2)).mean()

    return kernel(ours, ours) + kernel(theirs, theirs) - 2 * kernel(ours, theirs)


def test_image_mmd_is_near_the_least_discrepancy_of_pixels(cfg, tmp_path):
    """Random features approximate the kernel: the chosen targets are among those of least exact discrepancy."""
    result = run(cfg, tmp_path, 'image_mmd')
    source, target = sets(cfg)
    pixels = [[d[i]['inputs'].flatten(1).T.double().numpy() for i in range(len(d))] for d in (source, target)]
    bandwidth = np.median(np.linalg.norm(pixels[0][0][:, None] - pixels[0][1][None], axis=-1))
    exact = np.array([[kernel_mmd(a, b, bandwidth) for b in pixels[1]] for a in pixels[0]])
    ranks = [int((exact[i] < exact[i, j]).sum()) for i, j in enumerate(result['pairs'])]
    assert np.mean(ranks) < 1.5 and np.mean(np.array(ranks) == 0) > 0.5, ranks  # of 20; 9.5 by chance


def test_feature_mmd_reads_the_named_submodule(cfg, tmp_path, checkpoint):
    options = dict(checkpoint=checkpoint, device='cpu')
    last = run(cfg, tmp_path, 'feature_mmd', **options)
    named = run(cfg, tmp_path, 'feature_mmd', name='pairs2.json', feature='backbone.layer1', **options)
    assert named['pairs'] == last['pairs']  # the backbone has one stage
    stem = run(cfg, tmp_path, 'feature_mmd', name='pairs3.json', feature='backbone.maxpool', **options)
    assert stem['pairs'] != last['pairs']
    with pytest.raises(UserError, match='--feature neck: EncoderDecoder has no such submodule'):
        run(cfg, tmp_path, 'feature_mmd', feature='neck', **options)


def test_random_pairs_follow_the_seed(cfg, tmp_path):
    first, again = (run(cfg, tmp_path, 'random', name=f'pairs{i}.json') for i in range(2))
    other = run(cfg, tmp_path, 'random', seed=1)
    assert first['pairs'] == again['pairs'] != other['pairs'] and first['mean'] is None


def test_a_killed_run_goes_on_where_it_was(cfg, tmp_path, monkeypatch):
    whole = run(cfg, tmp_path, 'ground_truth')
    calls, compared = [], scores.semantic_similarity
    monkeypatch.setattr(sys.modules['mmuda.apis.pair_domains'], 'TOGETHER', 3)

    def dying(*args):
        calls.append(len(args[1]))
        if len(calls) == 8:
            raise KeyboardInterrupt
        return compared(*args)

    monkeypatch.setattr(scores, 'semantic_similarity', dying)
    with pytest.raises(KeyboardInterrupt):
        run(cfg, tmp_path, 'ground_truth', name='killed.json', memory=1)
    assert not (tmp_path / 'killed.json').exists()
    calls.clear()
    said = []
    monkeypatch.setattr(scores, 'semantic_similarity', lambda *args: calls.append(len(args[1])) or compared(*args))
    pair_domains(cfg, tmp_path / 'killed.json', 'ground_truth', memory=1, report=said.append)
    assert json.loads((tmp_path / 'killed.json').read_text())['pairs'] == whole['pairs']
    assert said[0] == 'going on at target patch 7 of 20' and sum(calls) == 13
    # What was left by other settings is not gone on with.
    monkeypatch.setattr(scores, 'semantic_similarity', dying)
    calls.clear()
    with pytest.raises(KeyboardInterrupt):
        pair_domains(cfg, tmp_path / 'x.json', 'ground_truth', memory=1, report=said.append)
    cfg.train_dataloader.dataset.source.seed = 5
    monkeypatch.setattr(scores, 'semantic_similarity', compared)
    said.clear()
    pair_domains(cfg, tmp_path / 'x.json', 'ground_truth', memory=1, report=said.append)
    assert len(said) == 1


def test_two_processes_do_not_write_one_file(cfg, tmp_path):
    out = tmp_path / 'pairs.json'
    refused = pytest.raises(UserError, match='pairs.json is being written by process .*choose another place')
    with sole_writer(out, 'being written', lock=tmp_path / '.pairs.json.lock'):
        pair_domains(cfg, tmp_path / 'others.json', 'random', report=str)
        with refused:
            pair_domains(cfg, out, 'random', report=str)
    assert not out.exists() and run(cfg, tmp_path, 'random')['pairs']


def test_a_pairing_file_is_read_by_the_dataset_it_was_made_for(cfg, tmp_path):
    result = run(cfg, tmp_path, 'ground_truth')
    dataset = DATASETS.build(dict(cfg.train_dataloader.dataset.to_dict(), pairing=str(tmp_path / 'pairs.json')))
    for i in (0, 7, 19):
        drawn = dataset[i]
        assert torch.equal(drawn['target']['inputs'], dataset.target[result['pairs'][i]]['inputs'])
    with pytest.raises(
        ValueError, match='was made for 20 source and 20 target patches, but the datasets have 20 and 40'
    ):
        build_pairing(str(tmp_path / 'pairs.json'), 20, 40)


def test_labels_of_other_classes_are_not_compared(cfg, tmp_path):
    cfg.train_dataloader.dataset.target.dataset.metainfo = dict(classes=('b', 'a', 'c'))
    with pytest.raises(
        ValueError, match=r"the source \('a', 'b', 'c'\) and of the target \('b', 'a', 'c'\) differ in order"
    ):
        run(cfg, tmp_path, 'ground_truth')


def test_what_cannot_be_paired_is_told(cfg, tmp_path):
    with pytest.raises(UserError, match="strategy 'best' is unknown; choose one of random"):
        run(cfg, tmp_path, 'best')
    with pytest.raises(UserError, match="'approximation' needs the checkpoint"):
        run(cfg, tmp_path, 'approximation')
    assert len(PAIRING_STRATEGIES) == 6
    crops = Config(cfg.to_dict())
    crops.train_dataloader.dataset.source = dict(
        crops.train_dataloader.dataset.source.dataset.to_dict(), pipeline=[dict(type='RandomGroundCrop', size=SIZE)]
    )
    with pytest.raises(UserError, match='the source of config .* draws new crops each time'):
        run(crops, tmp_path, 'random')
    flipped = Config(cfg.to_dict())
    flipped.train_dataloader.dataset.target.pipeline.insert(0, dict(type='RandomFlipAll'))
    with pytest.raises(UserError, match='the target of config .* passes through RandomFlipAll'):
        run(flipped, tmp_path, 'random')
    del cfg.train_dataloader.dataset['target']
    with pytest.raises(UserError, match=r'has no train_dataloader\.dataset\.target to pair with'):
        run(cfg, tmp_path, 'random')


SCRIPT = """
import sys
from mmengine.config import Config
from mmuda.apis.distributed import init_distributed
from mmuda.apis.pair_domains import pair_domains
from mmuda.utils.setup_env import register_all_modules
register_all_modules()
init_distributed('pytorch', timeout=100)
cfg, out, checkpoint, *strategies = sys.argv[1:]
for strategy in strategies:
    pair_domains(Config.fromfile(cfg), f'{out}/{strategy}.json', strategy, checkpoint, report=lambda _: None)
"""


def test_two_processes_find_the_pairs_of_one(cfg, tmp_path, checkpoint):
    cfg.dump(tmp_path / 'cfg.py')
    (tmp_path / 'script.py').write_text(SCRIPT)
    (tmp_path / 'two').mkdir()
    arguments = tmp_path / 'cfg.py', tmp_path / 'two', checkpoint, *PAIRING_STRATEGIES
    processes = start([tmp_path / 'script.py', *arguments])
    alone = {s: run(cfg, tmp_path, s, checkpoint, name=f'{s}.json', device='cpu')['pairs'] for s in PAIRING_STRATEGIES}
    finish(processes)
    for strategy in PAIRING_STRATEGIES:
        assert json.loads((tmp_path / 'two' / f'{strategy}.json').read_text())['pairs'] == alone[strategy], strategy


def test_pixels_without_data_are_not_compared():
    missing = torch.zeros(4, 5, dtype=torch.bool)
    missing[:2] = True
    sample = SegDataSample()
    sample.set_data(dict(no_data=PixelData(data=missing[None])))
    maps = torch.randn(3, 4, 5)
    found = scores._pixels(maps, dict(data_samples=sample))
    assert torch.equal(found, maps[:, 2:].flatten(1).T)
    halved = scores._pixels(maps[:, ::2], dict(data_samples=sample))
    assert torch.equal(halved, maps[:, 2].T)
    sample.seg_logits = PixelData(data=maps)
    prob = scores._probabilities(sample)
    assert not prob[:, :2].any()
    torch.testing.assert_close(prob[:, 2:], maps[:, 2:].softmax(0))
