"""The configs of Low2High and of DANN's pairs: all there, buildable, with the labels they may read."""

import math

import pytest
import torch

from mmuda.apis import load_config, prepare
from mmuda.registry import MODELS
from mmuda.utils.setup_env import register_all_modules
from tests.helpers import CONFIGS

register_all_modules()
TERMS = dict(
    low=dict(supervised='SupervisedTerm'),
    high=dict(supervised='SupervisedTerm'),
    aggregation=dict(supervised='RegionAggregation'),
    adversarial=dict(supervised='RegionAggregation', maps='LabelMapAlignment'),
    low2high=dict(supervised='RegionAggregation', maps='LabelMapAlignment'),
)
STUDY = ('without-virginia', 'without-virginia_pretrained-chesapeake', 'without-virginia_pretrained-usa')
STRATEGIES = ('ground_truth', 'approximation', 'shuffled_ground_truth', 'image_mmd', 'feature_mmd')


def build(cfg):
    with torch.device('meta'):
        return MODELS.build(prepare(cfg).model)


def kinds(cfg):
    return [step['type'] for step in cfg.train_dataloader.dataset.source.pipeline]


@pytest.mark.parametrize('data', ['synthetic', 'chesapeake'])
@pytest.mark.parametrize('name', TERMS)
def test_a_config_has_its_terms_streams_and_labels(name, data):
    cfg = load_config(str(CONFIGS / 'low2high' / f'{name}_unet-r18_{data}.py'))
    model = build(cfg)
    assert {key: type(term).__name__ for key, term in model.terms.items()} == TERMS[name]
    streams = cfg.train_dataloader.dataset
    assert ('exemplar' in streams) == ('maps' in model.terms) and 'target' not in streams
    if name == 'high':
        assert streams.source.fine and 'LoadCoarseLabels' not in kinds(cfg)
    else:
        # No fine label of the imagery can be read.
        assert not streams.source.get('fine') and 'LoadCoarseLabels' in kinds(cfg)
        assert dict(type='LoadRasterWindow', with_label=False) in streams.source.pipeline
    assert cfg.val_dataloader.dataset.fine and [one['type'] for one in cfg.val_evaluator][1] == 'CellIoUMetric'
    if data == 'chesapeake':
        regions = ('de_', 'md_', 'ny_', 'pa_', 'va_', 'wv_')  # not Milwaukee
        for part in (streams.source, cfg.val_dataloader.dataset, cfg.test_dataloader.dataset):
            assert tuple(part.name_prefix) == regions
        assert cfg.default_hooks.checkpoint.save_best == ('mIoU' if name == 'high' else 'cell/mIoU')
        assert sum(p.numel() for p in model.segmentor.backbone.parameters()) == 11_176_512
        if 'maps' in model.terms:
            assert sum(p.numel() for p in model.terms.maps.discriminator.parameters()) == 2_787_521


# Images that train (section 3.1; without Virginia, section 5.4; Table S3) and epochs (section 4.6, the supplement).
LENGTHS = {
    **{f'{name}_unet-r18_chesapeake': (25_263, 100) for name in ('low', 'high', 'aggregation', 'low2high')},
    **{f'{name}_unet-r18_chesapeake': (20_823, 100) for name in STUDY},
    'mae_r18_chesapeake': (25_263, 300),
    'mae_r18_without-virginia': (20_823, 100),
    'mae_r18_usa': (12_024, 100),
}


@pytest.mark.parametrize('name', LENGTHS)
def test_full_size_configs_train_for_the_papers_epochs(name):
    cfg = load_config(str(CONFIGS / 'low2high' / f'{name}.py'))
    images, epochs = LENGTHS[name]
    (stage,) = cfg.train_cfg.stages
    epoch = math.ceil(images / cfg.train_dataloader.batch_size)
    assert stage['iters'] == epochs * epoch
    trained = cfg.optim_wrapper['autoencoder' if name.startswith('mae') else 'segmentor']
    assert trained.optimizer == dict(type='Adam', lr=1e-4)
    if not name.startswith('mae'):
        assert cfg.train_cfg.val_interval % epoch == 0


@pytest.mark.parametrize('name', STUDY)
def test_the_generalisation_study_never_sees_virginia(name):
    cfg = load_config(str(CONFIGS / 'low2high' / f'{name}_unet-r18_chesapeake.py'))
    regions = ('de_', 'md_', 'ny_', 'pa_', 'wv_')
    streams = cfg.train_dataloader.dataset
    for part in (streams.source, streams.exemplar, cfg.val_dataloader.dataset, cfg.test_dataloader.dataset):
        assert tuple(part.name_prefix) == regions


@pytest.mark.parametrize(
    ('pretraining', 'segmentor'),
    [
        ('mae_r18_synthetic', 'low2high_unet-r18_synthetic'),
        ('mae_r18_chesapeake', 'low2high_unet-r18_chesapeake'),
        ('mae_r18_without-virginia', 'without-virginia_pretrained-chesapeake_unet-r18_chesapeake'),
        ('mae_r18_usa', 'without-virginia_pretrained-usa_unet-r18_chesapeake'),
    ],
)
def test_pretraining_reads_no_label_and_its_encoder_fits(pretraining, segmentor):
    first = load_config(str(CONFIGS / 'low2high' / f'{pretraining}.py'))
    second = load_config(str(CONFIGS / 'low2high' / f'{segmentor}.py'))
    assert not {'LoadCoarseLabels', 'LoadAnnotations'} & set(kinds(first))
    assert dict(type='LoadRasterWindow', with_label=False) in first.train_dataloader.dataset.source.pipeline
    init = second.model.segmentor.backbone.init_cfg
    iters = sum(stage['iters'] for stage in first.train_cfg.stages)
    assert init.checkpoint == f'work_dirs/{pretraining}/iter_{iters}.pth' and init.prefix == 'embedding.'
    autoencoder = build(first)
    with torch.device('meta'):
        backbone = MODELS.build({**second.model.segmentor.backbone, 'init_cfg': None})
    shapes = [
        {key: value.shape for key, value in one.state_dict().items()} for one in (autoencoder.embedding, backbone)
    ]
    assert shapes[0] == shapes[1]


PAIRED = [
    (strategy, data)
    for strategy in STRATEGIES
    for data in ('synthetic', 'nairobi2kampala')
    if (CONFIGS / 'dann' / f'dann_{strategy}_deeplabv3plus-mv2_{data}.py').is_file()
]


@pytest.mark.parametrize(('strategy', 'data'), PAIRED)
def test_a_strategy_changes_the_pairs_alone(strategy, data):
    base = load_config(str(CONFIGS / 'dann' / f'dann_deeplabv3plus-mv2_{data}.py')).to_dict()
    ours = load_config(str(CONFIGS / 'dann' / f'dann_{strategy}_deeplabv3plus-mv2_{data}.py')).to_dict()
    pairing = ours['train_dataloader']['dataset'].pop('pairing')
    assert pairing == f'work_dirs/pairs_{data}/{strategy}.json'
    assert base['train_dataloader']['dataset'].pop('pairing') == 'random_once'
    more = [cfg['train_dataloader']['dataset']['target'].pop('patches_per_raster') for cfg in (base, ours)]
    assert more[1] == more[0] * (20 if 'ground_truth' in strategy else 1)
    assert ours == base
