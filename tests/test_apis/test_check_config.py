"""``--check`` looks at the very config that trains: lengths, data, validation, test, checkpoints."""

import json
import re

import numpy as np
import pytest
import rasterio
import torch
from rasterio.transform import from_origin

from mmuda.apis import UserError, check, load_config, train
from mmuda.apis import test as run_test
from mmuda.apis.inference import init_model
from mmuda.checkpoints.reading import read_checkpoint
from mmuda.datasets import EdgeSampler

CONFIG = """
classes = dict(classes=('background', 'building'), palette=[[0, 0, 0], [255, 255, 255]])
norm = dict(type='BN')
model = dict(type='DomainAdaptation', data_preprocessor=dict(type='UDADataPreprocessor'), segmentor=dict(
    type='EncoderDecoder',
    backbone=dict(type='ResNet', depth=18, num_stages=1, strides=(1,), dilations=(1,), out_indices=(0,),
                  base_channels=4, norm_cfg=norm),
    decode_head=dict(type='FCNHead', in_channels=4, in_index=0, channels=4, num_convs=1, concat_input=False,
                     num_classes=2, norm_cfg=norm, align_corners=False), test_cfg=dict(mode='whole')))
optim_wrapper = dict(constructor='NamedOptimWrapperConstructor',
                     segmentor=dict(params=['segmentor'], optimizer=dict(type='SGD', lr=1e-2)))
train_cfg = dict(type='StagedTrainLoop', stages=[dict(name='train', iters=4)])
val_cfg, test_cfg = dict(type='ValLoop'), dict(type='TestLoop')
default_hooks = dict(logger=dict(type='LoggerHook', interval=1, log_metric_by_epoch=False),
                     checkpoint=dict(type='CheckpointHook', by_epoch=False, interval=2))
log_processor = dict(by_epoch=False)
crop = [dict(type='RandomGroundCrop', extent=16.0), dict(type='LoadRasterWindow'), dict(type='PackUDAInputs')]
whole = [dict(type='LoadRasterWindow'), dict(type='PackUDAInputs')]
prefix = dict(img_path='i', seg_map_path='l')
ours = dict(type='RasterDataset', data_root='{root}/ours', data_prefix=prefix, metainfo=classes)
theirs = dict(type='RasterDataset', data_root='{root}/theirs', data_prefix=dict(img_path='i'), metainfo=classes)
train_dataloader = dict(batch_size=2, num_workers=0, sampler=dict(type='DrawSampler'), dataset=dict(
    type='UDADataset', source=dict(pipeline=crop, **ours), target=dict(pipeline=crop, **theirs)))
val_dataloader = dict(batch_size=1, num_workers=0, sampler=dict(type='DefaultSampler', shuffle=False),
                      dataset=dict(tile=32, pipeline=whole, **ours))
val_evaluator = dict(type='ClassIoUMetric', iou_metrics=['mIoU'])
test_dataloader, test_evaluator = val_dataloader, val_evaluator
"""


def write(path, array, gsd=0.5):
    path.parent.mkdir(parents=True, exist_ok=True)
    bands = array[None] if array.ndim == 2 else array
    profile = dict(driver='GTiff', count=len(bands), height=bands.shape[1], width=bands.shape[2], dtype='uint8')
    place = dict(crs='EPSG:32633', transform=from_origin(3.2e5, 5e6, gsd, gsd))
    with rasterio.open(path, 'w', **profile, **place) as file:
        file.write(bands)


@pytest.fixture
def project(tmp_path):
    """Loads the config above over two rasters of 80 x 48 px, whose right and lower tiles are smaller than 32 px."""
    rng = np.random.default_rng(0)
    for domain, gsd in (('ours', 0.5), ('theirs', 0.5)):
        for name in 'ab':
            image = rng.integers(0, 256, (3, 80, 48)).astype(np.uint8)
            write(tmp_path / domain / 'i' / f'{name}.tif', image, gsd)
            write(tmp_path / domain / 'l' / f'{name}.tif', (image[0] > 127).astype(np.uint8), gsd)

    def project(extra='', **options):
        path = tmp_path / 'config.py'
        path.write_text(CONFIG.replace('{root}', str(tmp_path)) + extra)
        return load_config(path, {key.replace('__', '.'): value for key, value in options.items()})

    return project


def stages(*lengths):
    return f'\ntrain_cfg = dict(type="StagedTrainLoop", stages=[dict(iters=n) for n in {lengths}])\n'


def test_a_good_config_looks_right(project, tmp_path):
    report = check(project())
    assert report.warnings == [] and report.unread == []
    assert 'channels: loaded source as RGB, target as RGB; the network is given RGB' in str(report)
    assert sorted(path.name for path in tmp_path.iterdir()) == ['config.py', 'ours', 'theirs']


@pytest.mark.parametrize('run', [check, lambda cfg: train(cfg, cfg.work_dir)])
@pytest.mark.parametrize('iters', [0, -5, 2.5, True, '4'])
def test_lengths_of_stages_are_those_of_the_config(project, tmp_path, run, iters):
    with pytest.raises(ValueError, match=rf'iters.*={re.escape(repr(iters))}.*whole number'):
        cfg = project(stages(4, iters), work_dir=str(tmp_path / 'run'))
        run(cfg)


def test_a_raster_that_is_slow_to_read_in_windows_is_told_once_a_stream(project, tmp_path):
    for name in 'cd':  # strips: crops of 32 px read 32 of 80,000 columns
        write(tmp_path / 'theirs' / 'i' / f'{name}.tif', np.arange(3 * 64 * 80000, dtype=np.uint8).reshape(3, 64, -1))
    (warning,) = check(project()).warnings
    assert warning.startswith(f'target: {tmp_path}/theirs/i/c.tif (and 1 more) is slow to read in windows')
    assert 'a window of 32 x 32 px decodes 2500 times its own pixels' in warning


@pytest.mark.parametrize('iters', [0, -5, 2.5])
def test_lengths_of_a_plain_loop_too(project, iters):
    with pytest.raises(ValueError, match=rf'iters.*={iters}.*whole number'):
        check(project(f'\ntrain_cfg = dict(type="IterBasedTrainLoop", max_iters={iters})\n'))


def test_validation_runs_through_its_metric_and_its_last_tiles(project):
    with pytest.raises(ValueError, match='Tensors of one batch differ in shape'):
        check(project(val_dataloader__batch_size=3, test_dataloader=None, test_evaluator=None, test_cfg=None))
    with pytest.raises(ValueError, match='Tensors of one batch differ in shape'):
        check(project(test_dataloader__batch_size=3))
    with pytest.raises(ValueError, match=r"subsets\['some'\] names the classes \['roof'\]"):
        check(project(val_evaluator__subsets=dict(some=['roof'])))


def test_the_last_tile_of_a_validation_is_read(project, tmp_path):
    label = np.zeros((80, 48), np.uint8)
    label[-1, -1] = 7
    write(tmp_path / 'ours' / 'l' / 'b.tif', label)
    unread = dict(check_labels='none')
    cfg = project(val_dataloader__dataset=unread, test_dataloader__dataset=unread)
    cfg.train_dataloader.dataset.source.update(name_prefix='a', **unread)
    with pytest.raises(ValueError, match=r'l/b\.tif holds the value 7'):
        check(cfg)


def test_the_best_checkpoint_is_chosen_by_a_metric_that_is_there(project):
    assert check(project(default_hooks__checkpoint__save_best='mIoU')).warnings == []
    with pytest.raises((KeyError, ValueError), match='mIuO'):
        check(project(default_hooks__checkpoint__save_best='mIuO', default_hooks__checkpoint__rule='greater'))


def test_a_training_that_keeps_nothing_is_told(project):
    for hook in (dict(type='CheckpointHook', by_epoch=True), None):
        (warning,) = check(project(default_hooks__checkpoint=hook)).warnings
        assert 'no checkpoint is written before the end' in warning and 'by_epoch=False' in warning


@pytest.mark.parametrize(
    ('classes', 'how'), [(['building', 'background'], 'in order'), (['background', 'roof'], 'in name')]
)
@pytest.mark.parametrize('split', ['val', 'test'])
def test_results_do_not_stand_under_wrong_names(project, tmp_path, classes, how, split):
    options = {f'{split}_dataloader__dataset__metainfo': dict(classes=classes, palette=[[0, 0, 0], [9, 9, 9]])}
    with pytest.raises(UserError, match=rf'differ {how}.*wrong names'):
        check(project(**options))
    if split == 'val':
        with pytest.raises(UserError, match=rf'differ {how}.*wrong names'):
            train(project(**options), str(tmp_path / 'run'))
        assert not list((tmp_path / 'run').glob('*.pth'))


def test_one_class_is_refused_in_training_and_check(project, tmp_path):
    one = "\nclasses.update(classes=('building',), palette=[[255, 255, 255]])\n"
    one += "model['segmentor']['decode_head']['num_classes'] = 1\n"
    one += "train_dataloader['dataset']['source']['label_values'] = {0: 0, 1: 0}\n"
    one += "val_dataloader['dataset']['label_values'] = {0: 0, 1: 0}\n"
    for run in (check, lambda cfg: train(cfg, str(tmp_path / 'run'))):
        with pytest.raises(UserError, match='num_classes=1: with one class there is nothing to tell apart'):
            run(project(one))


def test_channels_of_a_later_stage_are_known_before_the_first(project, tmp_path):
    term = "\nmodel['terms'] = dict(output=dict(type='AdversarialAlignment', source='source:features.0', "
    term += "target='target:features.0', discriminator=dict(type='FCDiscriminator', in_channels=3, base_channels=2), "
    term += "loss=dict(type='GANLoss', gan_type='vanilla')))\n"
    term += "optim_wrapper['discriminator'] = dict(params=['terms.*'], optimizer=dict(type='Adam', lr=1e-3))\n"
    term += "train_cfg['stages'] = [dict(name='a', iters=1, terms=['supervised']), dict(name='b', iters=1)]\n"
    with pytest.raises(UserError, match=r'model.terms.output.discriminator.in_channels=3 .* set in_channels=4'):
        train(project(term), str(tmp_path / 'run'))
    assert not list((tmp_path / 'run').glob('*.pth'))


def test_checkpoints_are_used_for_the_classes_that_they_were_trained_on(project, tmp_path):
    train(project(), str(tmp_path / 'run'))
    weights = str(tmp_path / 'run' / 'iter_4.pth')
    assert run_test(project(), weights, str(tmp_path / 'test'))['mIoU'] > 0
    other = "\nclasses.update(classes=('building', 'background'))\n"
    for run in (
        lambda: run_test(project(other), weights, str(tmp_path / 'test')),
        lambda: init_model(project(other), weights, 'cpu'),
        lambda: train(project(other, load_from=weights), str(tmp_path / 'new')),
        lambda: train(project(other), str(tmp_path / 'run'), resume=weights),
    ):
        with pytest.raises(UserError, match=r'checkpoint .*iter_4\.pth .*differ in order'):
            run()
    renamed = "\nclasses.update(classes=('background', 'roof'))\n"
    with pytest.raises(UserError, match='differ in name'):
        run_test(project(renamed), weights, str(tmp_path / 'test'))
    train(project(renamed, load_from=weights), str(tmp_path / 'renamed'))  # a transfer may be meant
    log = next((tmp_path / 'renamed').glob('*/*.log')).read_text()
    assert "was trained on the classes ('background', 'building'), this training is on ('background', 'roof')" in log
    train(project(other, load_from=weights, load_skip=['decode_head']), str(tmp_path / 'skipped'))
    assert json.loads((tmp_path / 'skipped' / 'summary.json').read_text())['mode'] == 'train'


def test_a_checkpoint_without_names_passes(project, tmp_path):
    train(project(), str(tmp_path / 'run'))
    state = read_checkpoint(tmp_path / 'run' / 'iter_4.pth')['state_dict']
    torch.save(dict(state_dict=state), tmp_path / 'plain.pth')
    run_test(project(), str(tmp_path / 'plain.pth'), str(tmp_path / 'test'))


def test_what_nobody_reads_is_named(project):
    report = check(project('\nlearning_rate = 0.1\nused = 4\nbatch = used\n'))
    assert report.unread == ['learning_rate', 'batch']
    assert 'learning_rate' in str(report) and report.warnings == []


def test_distances_that_do_not_fit_the_files_are_told(project):
    report = check(project(train_dataloader__dataset__source__gsd=0.4, train_dataloader__dataset__target__gsd=0.4))
    found = [warning for warning in report.warnings if 'georeference' in warning]
    assert [warning.partition(':')[0] for warning in found] == ['source', 'target']
    assert 'says gsd=0.4' in found[0] and 'ours/i/a.tif (and 1 more of 2) says 0.5 m per pixel' in found[0]
    close = check(project(train_dataloader__dataset__source__gsd=0.52, train_dataloader__dataset__target__gsd=0.48))
    assert not any('georeference' in warning for warning in close.warnings)


def test_pseudo_labels_are_rehearsed_on_few_tiles(project, tmp_path):
    extra = """
pseudo = dict(dataset=dict(target=dict(data_prefix=dict(seg_map_path='{work_dir}/pseudo_labels/self'))))
tiles = dict(batch_size=2, num_workers=0, sampler=dict(type='DefaultSampler', shuffle=False),
             dataset=dict(tile=32, pipeline=whole, **theirs))
train_cfg = dict(type='StagedTrainLoop', stages=[dict(name='first', iters=50), dict(
    name='self', iters=70, pseudo_labels=dict(dataloader=tiles, threshold=dict(kind='median')))])
"""
    report = check(project(extra))
    assert [(stage.name, stage.iters) for stage in report.stages] == [('first', 50), ('self', 70)]
    assert report.stages[1].losses and report.warnings == []


def test_edges_of_a_pass():
    class Tiles:
        sizes = [(4, 4), (4, 4), (4, 4), (4, 2), (4, 4), (4, 4), (4, 4), (2, 4), (2, 4)]

        def __len__(self):
            return len(self.sizes)

        def get_data_info(self, index):
            return dict(window=(0, 0, *self.sizes[index]), img_path=f'{index // 4}.tif')

    assert list(EdgeSampler(Tiles())) == [0, 8]
    assert list(EdgeSampler(Tiles(), batch_size=2)) == [0, 1, 2, 3, 8]
    assert list(EdgeSampler(Tiles(), batch_size=100)) == list(range(9))
    assert list(EdgeSampler([1, 2, 3], batch_size=2, seed=3)) == [0, 1, 2]
    assert sorted(EdgeSampler(Tiles(), each_raster=True)) == [0, 4, 8]


UNLABELLED = """
{split}_dataloader = dict(batch_size=1, num_workers=0, sampler=dict(type='DefaultSampler', shuffle=False),
                          dataset=dict(tile=32, pipeline=whole, **theirs))
"""


def test_a_test_set_for_prediction_alone_is_read_and_not_scored(project):
    """As in the guide for users: nobody labelled the target, and the test set says how its images are read."""
    assert check(project(UNLABELLED.replace('{split}', 'test'))).warnings == []


def test_scores_without_labels_are_refused_before_the_first_iteration(project, tmp_path):
    extra = UNLABELLED.replace('{split}', 'val')
    for run in (check, lambda cfg: train(cfg, str(tmp_path / 'run'))):
        with pytest.raises(UserError, match='val_dataloader.dataset has no labels for ClassIoUMetric.*seg_map_path'):
            run(project(extra))
    assert not list((tmp_path / 'run').glob('*.pth'))
    label_free = extra + "val_evaluator = dict(type='LabelFreeMetric')\ntest_evaluator = val_evaluator\n"
    assert check(project(label_free)).warnings == []


def test_a_test_without_labels_is_refused(project, tmp_path):
    train(project(), str(tmp_path / 'run'))
    cfg = project(UNLABELLED.replace('{split}', 'test'))
    with pytest.raises(UserError, match='test_dataloader.dataset has no labels .*tools/predict.py'):
        run_test(cfg, str(tmp_path / 'run' / 'iter_4.pth'), str(tmp_path / 'test'))


def test_names_that_only_other_heirs_read_are_nothing_to_tell(project, tmp_path):
    cfg = project('\nexemplar = dict(a=1)\n')
    heir = tmp_path / 'heir.py'
    heir.write_text(f"_base_ = '{cfg.filename}'\nown = 2\n")
    assert check(load_config(heir)).unread == ['own']


@pytest.mark.parametrize(('stages', 'message'), [('[4]', 'stage'), ("[dict(name='a')]", "the stage.* 'a'.* no iters")])
def test_stages_without_a_length(project, stages, message):
    with pytest.raises((UserError, ValueError), match=message):
        check(project(f"\ntrain_cfg = dict(type='StagedTrainLoop', stages={stages})\n"))


def test_other_names_of_an_mmseg_0_checkpoint_are_told_and_its_order_is_held(project, tmp_path):
    state = init_model(project(), device='cpu').state_dict()
    for classes, fits in ((('void', 'house'), True), (('building', 'background'), False)):
        torch.save(dict(state_dict=state, meta=dict(CLASSES=classes)), tmp_path / 'zoo.pth')
        if fits:
            assert tuple(init_model(project(), str(tmp_path / 'zoo.pth'), 'cpu').dataset_meta['classes']) == classes
            continue
        with pytest.raises(UserError, match='differ in order'):
            init_model(project(), str(tmp_path / 'zoo.pth'), 'cpu')
