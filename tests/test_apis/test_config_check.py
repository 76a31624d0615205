"""What a config gets wrong is told before anything is built, with its place, its value and what would be right."""

import pytest
from mmengine.config import Config

from mmuda.apis import UserError, check, load_config, train
from mmuda.apis.config_check import check_config
from mmuda.apis.config_shapes import check_complete
from mmuda.registry import MODELS, OPTIM_WRAPPER_CONSTRUCTORS
from tests.helpers import ROOT
from tests.helpers.tiny import CONFIG

SHIPPED = sorted([*ROOT.glob('configs/**/*.py'), *ROOT.glob('projects/**/configs/**/*.py')])
WHOLE = (
    CONFIG
    + """
crop = [dict(type='RandomGroundCrop', extent=128.0), dict(type='LoadRasterWindow'),
        dict(type='ResampleToGSD', gsd=1.0, label=True), dict(type='RandomFlip', prob=0.5), dict(type='PackUDAInputs')]
train_dataloader['dataset'] = dict(
    type='UDADataset',
    source=dict(type='RasterDataset', data_root='a', pipeline=crop, metainfo=dict(classes=('dark', 'bright')),
                data_prefix=dict(img_path='images', seg_map_path='labels')),
    target=dict(type='RepeatDataset', times=2, dataset=dict(type='RasterDataset', data_root='b', pipeline=crop)))
val_dataloader = dict(batch_size=1, num_workers=0, sampler=dict(type='DefaultSampler', shuffle=False),
                      dataset=dict(type='RasterDataset', tile=64))
val_cfg = dict(type='ValLoop')
val_evaluator = dict(type='IoUMetric', iou_metrics=['mIoU'])
param_scheduler = dict(segmentor=[dict(type='PolyLR', power=0.9, end=10, by_epoch=False)], discriminator=[])
custom_hooks = [dict(type='IterSeedHook', priority='LOW')]
visualizer = dict(type='SegLocalVisualizer', vis_backends=[dict(type='LocalVisBackend')], name='visualizer')
randomness = dict(seed=3)
model['ema'] = dict(momentum=0.01)
model['views'] = dict(sr=dict(type='SuperResolvedView'))
model['segmentor']['decode_head']['loss_decode'] = dict(type='CrossEntropyLoss', loss_weight=1.0)
model['segmentor']['backbone']['init_cfg'] = dict(type='Pretrained', checkpoint='weights.pth')
train_cfg['stages'][1]['train_dataloader'] = dict(dataset=dict(source=dict(check_labels='none')))
"""
)
HEAD = 'model.segmentor.decode_head'
SOURCE = 'train_dataloader.dataset.source'
MISSPELT = [
    # place of the argument, its class, what was meant
    ('model.batch_tap', 'DomainAdaptation', 'batch_taps'),
    ('model.ema.momentun', 'model.ema', None),
    ('model.data_preprocessor.means', 'UDADataPreprocessor', None),
    ('model.segmentor.neckk', 'EncoderDecoder', 'neck'),
    ('model.segmentor.backbone.detph', 'ResNet', None),
    ('model.segmentor.backbone.init_cfg.chekpoint', 'PretrainedInit', None),
    (f'{HEAD}.num_conv', 'FCNHead', None),
    (f'{HEAD}.ignore_indx', 'FCNHead', 'ignore_index'),
    (f'{HEAD}.norm_cfg.momentm', 'BatchNorm2d', 'momentum'),
    (f'{HEAD}.loss_decode.use_sigmoids', 'CrossEntropyLoss', 'use_sigmoid'),
    ('model.terms.output.los_weight', 'AdversarialAlignment', 'loss_weight'),
    ('model.terms.output.discriminator.base_chanels', 'FCDiscriminator', None),
    ('model.terms.output.loss.gan_typ', 'GANLoss', None),
    ('model.views.sr.imge', 'SuperResolvedView', 'image'),
    ('optim_wrapper.segmentor.acumulative_counts', 'SyncOptimWrapper', 'accumulative_counts'),
    ('optim_wrapper.segmentor.optimizer.momentun', 'SGD', 'momentum'),
    ('param_scheduler.segmentor.0.pwer', 'PolyLR', None),
    ('train_cfg.val_intervall', 'StagedTrainLoop', 'val_interval'),
    ('val_cfg.fp61', 'ValLoop', None),
    ('val_evaluator.iou_metric', 'IoUMetric', None),
    ('default_hooks.checkpoint.intervall', 'CheckpointHook', None),
    ('custom_hooks.0.pririty', 'IterSeedHook', None),
    ('visualizer.alpah', 'SegLocalVisualizer', 'alpha'),
    ('visualizer.vis_backends.0.img_save_dirs', 'LocalVisBackend', 'img_save_dir'),
    ('log_processor.by_epochs', 'LogProcessor', None),
    ('train_dataloader.bach_size', 'a data loader', None),
    ('train_dataloader.sampler.shufle', 'DrawSampler', 'shuffle'),
    ('train_dataloader.dataset.pairng', 'UDADataset', 'pairing'),
    (f'{SOURCE}.label_value', 'RasterDataset', 'label_values'),
    (f'{SOURCE}.ignore_indx', 'RasterDataset', 'ignore_index'),  # of mmseg's base class
    (f'{SOURCE}.pipeline.0.extend', 'RandomGroundCrop', None),
    (f'{SOURCE}.pipeline.3.porb', 'RandomFlip', None),
    ('train_dataloader.dataset.target.dataset.data_rot', 'RasterDataset', None),
    ('randomness.sed', 'randomness', None),
    ('env_cfg.cudnn_benchmarks', 'env_cfg', 'cudnn_benchmark'),
]
NEAR_MISSES = [
    # keys of what is handed on unread: silence until now
    ('optim_wraper', dict(), 'correct it to optim_wrapper'),
    ('load_form', 'weights.pth', 'correct it to load_from'),
    (f'{SOURCE}.data_prefix.seg_map_pth', 'x', 'seg_map_path'),
    (f'{SOURCE}.metainfo.pallette', 'x', 'palette'),
    ('model.segmentor.test_cfg.crop_sze', 9, 'crop_size'),
    ('optim_wrapper.segmentor.paramwise_cfg', dict(custom_key=dict()), 'custom_keys'),
    ('train_cfg.stages.1.train_dataloader.dataset.source.check_label', 'all', 'check_labels'),
]
UNKNOWN = [
    ('model.type', 'DomainAdaption', 'DomainAdaptation'),
    ('model.segmentor.type', 'EncoderDecodr', 'EncoderDecoder'),
    ('model.terms.output.type', 'AdversarialAlignement', 'AdversarialAlignment'),
    ('model.terms.output.loss.type', 'GanLos', 'GANLoss'),
    ('model.views.sr.type', 'SuperResolvdView', 'SuperResolvedView'),
    ('optim_wrapper.segmentor.optimizer.type', 'Adm', 'Adam'),
    ('optim_wrapper.segmentor.type', 'OptimWraper', 'OptimWrapper'),
    ('param_scheduler.segmentor.0.type', 'PolyLr', 'PolyLR'),
    ('optim_wrapper.constructor', 'NamedOptimWraperConstructor', 'NamedOptimWrapperConstructor'),
    ('train_cfg.type', 'StagedTrainLop', 'StagedTrainLoop'),
    ('custom_hooks.0.type', 'IterSedHook', 'IterSeedHook'),
    ('val_evaluator.type', 'IouMetric', 'IoUMetric'),
    ('visualizer.type', 'SegLocalVisualiser', 'SegLocalVisualizer'),
    ('train_dataloader.sampler.type', 'DrawSampeler', 'DrawSampler'),
    ('train_dataloader.dataset.target.dataset.type', 'RasterDatset', 'RasterDataset'),
    (f'{SOURCE}.pipeline.1.type', 'LoadRasterWindw', 'LoadRasterWindow'),
]
NAN = float('nan')
OUT_OF_RANGE = [
    ('train_dataloader.batch_size', 0, 'at least 1'),
    ('train_dataloader.batch_size', '4', 'a whole number'),
    ('train_dataloader.num_workers', -1, 'at least 0'),
    ('val_dataloader.dataset.tile', 0, 'at least 1'),
    ('randomness.seed', -1, 'from 0 to 2147483647'),
    ('randomness.seed', 2**40, 'from 0 to 2147483647'),
    (f'{SOURCE}.pipeline.2.gsd', 0, 'above 0'),
    (f'{SOURCE}.pipeline.2.gsd', -1.0, 'above 0'),
    (f'{SOURCE}.pipeline.0.extent', -5, 'above 0'),
    (f'{SOURCE}.pipeline.3.prob', 1.5, 'between 0 and 1'),
    (f'{SOURCE}.samples_per_raster', 0, 'at least 1'),
    (f'{SOURCE}.value_range', (3000, 0), 'low < high'),
    (f'{SOURCE}.gsd', 0.0, 'above 0'),
    (f'{SOURCE}.bands', (0, 1, 2), 'at least 1'),
    ('train_cfg.stages.0.iters', 0, 'at least 1'),
    ('train_cfg.stages.0.iters', 2.5, 'a whole number'),
    ('train_cfg.stages.0.iters', 'abc', 'a whole number'),
    ('train_cfg.stages.0.weights', dict(output=-1.0), 'at least 0'),
    ('train_cfg.val_interval', 0, 'at least 1'),
    ('default_hooks.checkpoint.interval', 0, 'or -1 for never'),
    ('optim_wrapper.segmentor.optimizer.lr', -1e-3, 'at least 0'),
    ('optim_wrapper.segmentor.optimizer.lr', NAN, 'at least 0'),
    ('optim_wrapper.segmentor.optimizer.lr', 'abc', 'at least 0'),
    ('optim_wrapper.discriminator.optimizer.betas', (0.9, 1.0), 'below 1'),
    ('model.terms.output.loss.loss_weight', -0.01, 'to remove a term set it to None'),
    ('model.terms.output.discriminator_weight', -1, 'at least 0'),
    (f'{HEAD}.loss_decode.loss_weight', NAN, 'at least 0'),
    (f'{HEAD}.num_classes', 0, 'at least 1'),
    ('model.ema.momentum', 2, 'below 1'),
]
OF_ANOTHER_KIND = [
    ('model', 3, 'a dict'),
    ('model.terms', 'output', 'a dict'),
    ('model.terms.output', [1], 'a dict'),
    ('model.segmentor', 'EncoderDecoder', 'a dict'),
    ('model.plan', dict(name='a'), 'a list'),
    ('model.ema', 0.1, 'a dict'),
    ('train_dataloader', 5, 'a dict'),
    ('train_dataloader.dataset', [1], 'a dict'),
    ('train_dataloader.dataset.source', 'images', 'a dict'),
    ('val_dataloader.dataset.pipeline', 'LoadRasterWindow', 'a list'),
    ('optim_wrapper', 'Adam', 'a dict'),
    ('optim_wrapper.segmentor', 3, 'a dict'),
    ('optim_wrapper.segmentor.optimizer', 'SGD', 'a dict'),
    ('param_scheduler', 3, 'a dict or a list'),
    ('train_cfg.stages', 3, 'a list'),
    ('train_cfg.stages', [3], 'a dict'),
    ('train_cfg.stages.0.terms', 'supervised', 'a list'),
    ('train_cfg.stages.0.weights', 3, 'a dict'),
    ('default_hooks', [1], 'a dict'),
    ('default_hooks.checkpoint', 100, 'a dict'),
    ('custom_hooks', 'IterSeedHook', 'a list'),
    ('randomness', 3, 'a dict'),
    ('load_from', 3, 'a text'),
    ('log_level', 'LOUD', 'DEBUG, INFO, WARNING or ERROR'),
    ('default_scope', 'mmdet3', 'mmengine, mmseg, mmuda'),
    ('visualizer.type', 3, 'the name of a class'),
    ('val_dataloader.persistent_workers', True, 'num_workers of at least 1'),
]
INCOMPLETE = [
    ('model', None, 'model has no type'),
    ('model.type', None, 'model has no type'),
    ('model.segmentor', None, 'model.segmentor has no type'),
    ('train_cfg', None, 'has train_dataloader and optim_wrapper, but no train_cfg'),
    ('val_evaluator', None, 'has val_dataloader and val_cfg, but no val_evaluator'),
    ('test_evaluator', None, 'has test_dataloader and test_cfg, but no test_evaluator'),
    ('optim_wrapper.segmentor.optimizer', None, 'optim_wrapper.segmentor has no optimizer'),
    ('train_cfg.stages', None, 'train_cfg has no stages'),
    ('train_dataloader.dataset', None, 'train_dataloader has no dataset'),
    ('train_dataloader.dataset.source', None, 'train_dataloader.dataset has no source'),
]
METAINFO = [
    (dict(classes=('a', 'b'), palette=[[0, 0, 0]] * 300), 'has 300 colours'),
    (dict(classes=('a', 'b'), palette=[[0, 0], [1, 1]]), 'has [0, 0]'),
    (dict(classes=('a', 'b'), palette=[[0, 0, 0], [0, 0, 256]]), 'has [0, 0, 256]'),
    (dict(classes=('a', 'b'), palette=[[0, 0, 0]]), '1 colours for 2 classes'),
    (dict(classes=('a', 3)), "classes=('a', 3)"),
    (dict(classes=('a', 'b', 'a')), 'have a twice'),
]


@pytest.fixture
def load(tmp_path):
    path = tmp_path / 'whole.py'
    path.write_text(WHOLE)
    return lambda **options: load_config(path, options)


@pytest.fixture
def refusal(load):
    def refusal(place, value) -> str:
        cfg = load()
        cfg.merge_from_dict({place: value})
        with pytest.raises(UserError) as refused:
            check_config(cfg)
        text = str(refused.value)
        assert '\n' not in text
        return text

    return refusal


def test_the_config_is_right_until_it_is_spoilt(load):
    load()


@pytest.mark.parametrize(('place', 'owner', 'meant'), MISSPELT, ids=[row[0] for row in MISSPELT])
def test_a_misspelt_argument_of_any_class(refusal, place, owner, meant):
    text = refusal(place, 1)
    assert f'{place} is not an argument of {owner}' in text and ' It takes ' in text
    assert meant is None or f'did you mean {meant}?' in text


@pytest.mark.parametrize(('place', 'value', 'meant'), NEAR_MISSES, ids=[row[0] for row in NEAR_MISSES])
def test_a_key_that_nearly_is_one_that_is_read(refusal, place, value, meant):
    assert meant in refusal(place, value)


@pytest.mark.parametrize(('place', 'name', 'meant'), UNKNOWN, ids=[row[0] for row in UNKNOWN])
def test_an_unknown_type_is_answered_with_near_misses(refusal, place, name, meant):
    text = refusal(place, name)
    assert f'{place.removesuffix(".type")}: type {name!r}' in text and 'did you mean' in text and meant in text


@pytest.mark.parametrize(('place', 'value', 'right'), OUT_OF_RANGE, ids=[f'{p}={v}' for p, v, _ in OUT_OF_RANGE])
def test_a_number_out_of_its_range(refusal, place, value, right):
    text = refusal(place, value)
    if isinstance(value, dict):
        (name, value), *_ = value.items()
        place = f'{place}.{name}'
    assert text.startswith(f'{place}={value!r}; give ') and right in text


@pytest.mark.parametrize(('place', 'value', 'right'), OF_ANOTHER_KIND, ids=[f'{p}={v}' for p, v, _ in OF_ANOTHER_KIND])
def test_an_entry_of_another_kind(refusal, place, value, right):
    text = refusal(place, value)
    assert text.startswith(place) and right in text


@pytest.mark.parametrize(('place', 'value', 'expected'), INCOMPLETE, ids=[row[2] for row in INCOMPLETE])
def test_a_config_that_lacks_a_part(load, place, value, expected):
    cfg = load()
    check_complete(cfg)
    cfg.train_cfg.stages[1].train_dataloader = None
    cfg.merge_from_dict({place: value})
    check_config(cfg)  # enough to predict, or to be inherited
    with pytest.raises(UserError, match=expected):
        check_complete(cfg)


def test_a_loader_of_a_stage_that_does_not_fit_the_runs(refusal):
    text = refusal('train_dataloader.dataset.source', None)
    assert text.startswith('train_cfg.stages.1.train_dataloader does not fit the train_dataloader of the run: ')


@pytest.mark.parametrize(('metainfo', 'expected'), METAINFO, ids=[row[1] for row in METAINFO])
def test_names_and_colours_of_classes(refusal, metainfo, expected):
    text = refusal(f'{SOURCE}.metainfo', metainfo)
    assert expected in text and f'{SOURCE}.metainfo' in text


def test_what_needs_a_type_is_asked_for_it(refusal):
    assert "model.terms.pixel={'loss_weight': 1.0} has no type" in refusal('model.terms.pixel.loss_weight', 1.0)
    assert "custom_hooks.0={'interval': 1} has no type" in refusal('custom_hooks', [dict(interval=1)])


@pytest.mark.parametrize('run', [train, check])
def test_a_config_that_was_changed_after_loading_is_looked_at_again(tiny, tmp_path, run):
    cfg = tiny(work_dir=str(tmp_path / 'run'))
    cfg.model.terms.output.loss_wieght = 2.0
    with pytest.raises(UserError, match=r'model\.terms\.output\.loss_wieght is not an argument'):
        run(cfg)


def test_a_constructor_of_ones_own_may_read_any_key(load):
    @OPTIM_WRAPPER_CONSTRUCTORS.register_module(force=True)
    class ConstructorOfAUser:
        pass

    load(**{'optim_wrapper.constructor': 'ConstructorOfAUser', 'optim_wrapper.segmentor.layers': 3})


def test_a_class_of_ones_own_may_build_from_a_registry_of_ones_own(load):
    @MODELS.register_module(force=True)
    class HeadOfAUser:
        def __init__(self, part):
            pass

    head = dict(type='HeadOfAUser', part=dict(type='KnownToItAlone'))
    load(**{HEAD: dict(_delete_=True, **head)})
    with pytest.raises(UserError, match=r'parts is not an argument of HeadOfAUser; did you mean part\?'):
        load(**{HEAD: dict(_delete_=True, **head, parts=1)})


def test_further_arguments_streams_and_switched_off_parts_are_no_mistakes(load):
    load(**{'train_dataloader.dataset.exemplar': dict(type='RasterDataset', data_root='c')})
    load(**{'model.terms.output': None, 'default_hooks.checkpoint': None, 'train_cfg.stages.1.train_dataloader': None})
    load(**{'model.segmentor.type': 'mmseg.EncoderDecoder', 'optim_wrapper.segmentor.optimizer.lr': 0})
    load(**{'default_hooks.checkpoint.interval': -1})
    load(**{'optim_wrapper.segmentor.clip_grad': dict(type='norm', max_norm=1)})


@pytest.mark.parametrize('path', SHIPPED, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_shipped_config_is_refused(load, path):
    if '_base_' in path.parts:
        cfg = Config.fromfile(path)
        cfg.get('train_cfg', {}).pop('iters', None)  # lengths of stages that another file names
        check_config(cfg)
    else:
        check_complete(load_config(path))
