"""A segmentor on its own gives plain mmseg the same metrics, in mmseg's own test loop."""

import re
import subprocess
import sys

import numpy as np
import pytest
import torch
from mmengine.config import Config
from PIL import Image

from mmuda.apis import UserError, export, export_segmentor, load_config, test, train
from mmuda.checkpoints.reading import read_checkpoint
from mmuda.datasets import RasterDataset
from mmuda.registry import DATASETS
from tests.helpers import ROOT

SIZE = 64
# In a process of its own, which knows mmuda only if the exported config says so.
PLAIN = """
import sys
from mmengine.config import Config
from mmengine.runner import Runner
import mmseg.utils
mmseg.utils.register_all_modules(init_default_scope=True)
cfg = Config.fromfile(sys.argv[1])
runner = Runner.from_cfg(cfg)
checkpoint = __import__('torch').load(sys.argv[2], weights_only=True)
runner.model.load_state_dict(checkpoint['state_dict'], strict=True)
metrics = runner.test()
from mmseg.apis import inference_model, init_model
model = init_model(sys.argv[3], sys.argv[2], device='cpu')
print('SHAPE', inference_model(model, sys.argv[4]).pred_sem_seg.shape, model.dataset_meta)
print('METRICS', {key: float(value) for key, value in metrics.items()})
print('MMUDA', 'mmuda' in sys.modules)
"""


@pytest.fixture(scope='module')
def images(tmp_path_factory):
    folder = tmp_path_factory.mktemp('city')
    rng = np.random.default_rng(0)
    for name in 'ab':
        image = rng.integers(0, 256, (SIZE, SIZE, 3)).astype(np.uint8)
        image[8:40, 8:40] = (200, 30, 60)  # colours: an exchange of red and blue would show
        label = (image[..., 0] > 128).astype(np.uint8)
        for kind, array in (('img', image), ('ann', label)):
            (folder / kind).mkdir(exist_ok=True)
            Image.fromarray(array).save(folder / kind / f'{name}.png')
    return folder


def with_images(cfg, images):
    metainfo = dict(classes=('dark', 'bright'), palette=[[0, 0, 0], [255, 255, 255]])
    common = dict(type='RasterDataset', gsd=1.0, img_suffix='.png', seg_map_suffix='.png', metainfo=metainfo,
                  data_prefix=dict(img_path=str(images / 'img'), seg_map_path=str(images / 'ann')))  # fmt: skip
    loading = [dict(type='LoadRasterWindow'), dict(type='PackUDAInputs')]
    cfg.train_dataloader = dict(
        batch_size=2, num_workers=0, sampler=dict(type='DrawSampler'),
        dataset=dict(type='UDADataset', source=dict(common, pipeline=loading),
                     target=dict(common, pipeline=loading, labelled=False)))  # fmt: skip
    cfg.val_dataloader = cfg.test_dataloader = dict(
        batch_size=1, num_workers=0, sampler=dict(type='DefaultSampler', shuffle=False),
        dataset=dict(common, pipeline=loading, tile=SIZE))  # fmt: skip
    cfg.val_evaluator = cfg.test_evaluator = dict(type='ClassIoUMetric', iou_metrics=['mIoU'])
    cfg.val_cfg, cfg.test_cfg = dict(type='ValLoop'), dict(type='TestLoop')
    cfg.train_cfg = dict(type='StagedTrainLoop', val_interval=100, stages=[dict(name='all', iters=2)])
    return cfg


def in_plain_mmseg(files, images, tmp_path):
    """Metrics by mmseg's test loop, dataset, loading and IoUMetric."""
    cfg = Config.fromfile(files[0])
    cfg.work_dir = str(tmp_path / 'plain')
    cfg.test_dataloader = dict(
        batch_size=1, num_workers=0, sampler=dict(type='DefaultSampler', shuffle=False),
        dataset=dict(type='BaseSegDataset', img_suffix='.png', seg_map_suffix='.png',
                     data_prefix=dict(img_path=str(images / 'img'), seg_map_path=str(images / 'ann')),
                     metainfo=dict(classes=('dark', 'bright')),
                     pipeline=[dict(type=name) for name in ('LoadImageFromFile', 'LoadAnnotations', 'PackSegInputs')]),
    )  # fmt: skip
    cfg.test_evaluator = dict(type='IoUMetric', iou_metrics=['mIoU'])
    cfg.test_cfg = dict(type='TestLoop')
    cfg.dump(tmp_path / 'plain.py')
    result = subprocess.run(
        [sys.executable, '-c', PLAIN, str(tmp_path / 'plain.py'), str(files[1]), str(files[0]),
         str(images / 'img' / 'a.png')],
        capture_output=True, text=True, check=False, cwd=ROOT,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    metrics = eval(re.search(r'METRICS (.*)', result.stdout)[1])  # noqa: S307  (our own output)
    assert f'SHAPE ({SIZE}, {SIZE})' in result.stdout and "'dark', 'bright'" in result.stdout
    return metrics, 'MMUDA True' in result.stdout


FCN = dict(type='FCNHead', channels=4, num_convs=1, concat_input=False, norm_cfg=dict(type='BN'))
FITTING = dict(in_channels=4, in_index=0, num_classes=2, align_corners=False)
HEADS = {
    # name: (decode head, whether mmuda is needed, whether the network was trained on BGR)
    'mmseg': (dict(FCN, **FITTING), False, False),
    'deeplab_v2': (dict(type='DeepLabV2Head', dilations=(1, 2), classifiers=2, **FITTING), True, True),
    'summed': (dict(type='SummedHead', head=dict(FCN, out_channels=2, **FITTING)), True, False),
}


@pytest.mark.parametrize('name', HEADS)
def test_the_exported_segmentor_gives_mmseg_the_same_metrics(tiny, images, tmp_path, name):
    head, needs_mmuda, rgb_to_bgr = HEADS[name]
    cfg = with_images(tiny(), images)
    if name == 'deeplab_v2':  # resizes its logits once, exported too
        cfg.model.segmentor.type = 'DirectEncoderDecoder'
    cfg.merge_from_dict(dict(model=dict(segmentor=dict(decode_head=dict(head, _delete_=True)))))
    cfg.model.terms.output.update(
        source='source:logits', target='target:logits', resize_to='image', activation='softmax'
    )
    statistics = dict(mean=[120.0, 90.0, 60.0], std=[60.0, 50.0, 40.0], rgb_to_bgr=rgb_to_bgr)
    cfg.model.data_preprocessor = dict(type='UDADataPreprocessor', **statistics)
    train(cfg, str(tmp_path / 'run'))
    ours = test(cfg, str(tmp_path / 'run' / 'iter_2.pth'), str(tmp_path / 'test'))
    files = export_segmentor(cfg, tmp_path / 'run' / 'iter_2.pth', tmp_path / 'out')
    theirs, used_mmuda = in_plain_mmseg(files, images, tmp_path)
    assert 0 < ours['mIoU'] < 100 and used_mmuda == needs_mmuda
    for key in ('aAcc', 'mIoU', 'mAcc'):
        assert theirs[key] == pytest.approx(ours[key], abs=1e-9), key


def test_what_cannot_be_exported_is_told(tiny, tmp_path):
    cfg = tiny()
    torch.save(dict(state_dict={'segmentor.backbone.conv1.weight': torch.zeros(1)}), tmp_path / 'other.pth')
    with pytest.raises((UserError, RuntimeError)):
        export_segmentor(cfg, tmp_path / 'other.pth', tmp_path / 'out')
    torch.save(dict(state_dict={'segmentor.backbone.conv9.weight': torch.zeros(1)}), tmp_path / 'other.pth')
    with pytest.raises(UserError, match="does not fit the segmentor .* unexpected .'backbone.conv9.weight'"):
        export_segmentor(cfg, tmp_path / 'other.pth', tmp_path / 'out')
    cfg.model = cfg.model.segmentor
    with pytest.raises(UserError, match='has no model.segmentor'):
        export_segmentor(cfg, tmp_path / 'other.pth', tmp_path / 'out')
    srda = load_config(ROOT / 'configs' / 'srda' / 'srda_resaspp_synthetic.py')
    with pytest.raises(UserError, match='SuperResolutionSegmentor predicts on a grid of its own'):
        export_segmentor(srda, tmp_path / 'other.pth', tmp_path / 'out')
    assert not (tmp_path / 'out').exists()


def test_colours_are_those_of_the_chosen_classes_and_the_grid_is_told():
    synthia = load_config(ROOT / 'configs' / 'clan' / 'clan_deeplabv2-r101_synthia2cityscapes.py')
    meta = export._dataset_meta(synthia)
    assert len(meta['classes']) == len(meta['palette']) == 16
    assert dict(zip(meta['classes'], meta['palette'], strict=True))['sky'] == [70, 130, 180]
    assert export._note(synthia) == '# Images: 2 times coarser than the original.'
    kampala = load_config(ROOT / 'configs' / 'maxsquare' / 'maxsquare_deeplabv3plus-effl0_nairobi2kampala.py')
    assert export._note(kampala) == '# Images: 0.15 m per pixel.'
    assert export._dataset_meta(kampala)['classes'] == ('background', 'building')


@pytest.mark.parametrize('option', [dict(bands=(3, 2, 1)), dict(value_range=(0, 2000))])
def test_images_that_mmseg_does_not_load_are_refused(tiny, images, tmp_path, option):
    cfg = with_images(tiny(), images)
    cfg.test_dataloader.dataset.update(option)
    with pytest.raises(UserError, match=r'mmseg loads 8-bit red, green, blue'):
        export_segmentor(cfg, tmp_path / 'any.pth', tmp_path / 'out')


def test_the_teacher_is_exported_where_it_predicts(tiny, images, tmp_path):
    cfg = with_images(tiny(), images)
    cfg.model.terms.output.update(
        source='source:logits', target='target:logits', resize_to='image', activation='softmax'
    )
    cfg.model.ema = dict(momentum=0.5, evaluate=True)
    train(cfg, str(tmp_path / 'run'))
    _, weights = export_segmentor(cfg, tmp_path / 'run' / 'iter_2.pth', tmp_path / 'out')
    state = read_checkpoint(tmp_path / 'run' / 'iter_2.pth')['state_dict']
    exported = read_checkpoint(weights)['state_dict']
    name = 'backbone.conv1.weight'
    assert torch.equal(exported[name], state[f'teacher.module.{name}'])
    assert not torch.equal(exported[name], state[f'segmentor.{name}'])


def test_neither_config_nor_checkpoint_is_replaced(tiny, images, tmp_path):
    cfg = with_images(tiny(), images)
    for name in ('segmentor.pth', 'segmentor.py'):
        folder = tmp_path / name
        folder.mkdir()
        (folder / name).write_text('mine')
        object.__setattr__(cfg, '_filename', str(folder / 'segmentor.py'))
        with pytest.raises(UserError, match=f'{name}/{name} is read as an input'):
            export_segmentor(cfg, folder / 'segmentor.pth', folder)
        assert [(path.name, path.read_text()) for path in folder.iterdir()] == [(name, 'mine')]


def test_bands_that_a_dataset_class_chooses_are_refused_too(tiny, images, tmp_path):
    class InfraredFirst(RasterDataset):
        def __init__(self, bands=(4, 1, 2), **kwargs):
            super().__init__(bands=bands, **kwargs)

    DATASETS.register_module(module=InfraredFirst, force=True)
    cfg = with_images(tiny(), images)
    cfg.test_dataloader.dataset.type = 'InfraredFirst'
    try:
        with pytest.raises(UserError, match=r'reads bands=\(4, 1, 2\)'):
            export_segmentor(cfg, tmp_path / 'any.pth', tmp_path / 'out')
    finally:
        DATASETS.module_dict.pop('InfraredFirst')
