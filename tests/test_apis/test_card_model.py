"""``init_model('best.pth')``: the card builds what the config built, and a malicious one builds nothing."""

import json
import sys

import numpy as np
import pytest
import rasterio
import torch
from mmengine.config import Config
from mmseg.structures import SegDataSample

from mmuda.apis import UserError, adapt, init_model, load_config, predict_raster, train
from mmuda.apis.card_model import config_of_card
from mmuda.apis.counts import build_on_meta
from mmuda.apis.prepare import prepare
from mmuda.checkpoints.card import CARD, card_from_text, card_of
from mmuda.checkpoints.card_file import read_model_file
from mmuda.engine.model_card import make_card, statistics_of
from mmuda.registry import MODELS
from tests.helpers import ROOT
from tests.helpers.cards import SEGMENTOR, build, example, write_with, written


def predicted(model):
    torch.manual_seed(1)
    with torch.no_grad():
        return model.segmentor.encode_decode(torch.randn(1, 3, 32, 40), [dict(img_shape=(32, 40))])


def test_every_checkpoint_of_a_training_predicts_without_its_config(tiny, tmp_path):
    cfg = tiny(model__ema=dict(momentum=0.5, evaluate=True))
    train(cfg, str(tmp_path / 'run'))
    for path in sorted((tmp_path / 'run').glob('iter_*.pth')):
        with_config, alone = (
            init_model(tiny(model__ema=dict(evaluate=True)), path, 'cpu'),
            init_model(path, device='cpu'),
        )
        assert torch.equal(predicted(with_config), predicted(alone))
        assert alone.evaluate_teacher
        state = with_config.teacher_network.state_dict()
        assert all(torch.equal(value, state[key]) for key, value in alone.teacher_network.state_dict().items())
        card = card_of(read_model_file(path), path)
        assert card['iteration'] == int(path.stem.split('_')[1])
        assert card['classes'] == ['dark', 'bright'] == list(alone.dataset_meta['classes'])
        assert card['method']['terms'] == dict(output='AdversarialAlignment')
        assert card['data'] == dict(source='DrawnDataset', target='DrawnDataset')


def validated(cfg):
    dataset = dict(type='DrawnDataset')
    cfg.val_dataloader = dict(batch_size=1, num_workers=0, sampler=dict(type='DefaultSampler', shuffle=False),
                              dataset=dataset)  # fmt: skip
    cfg.val_evaluator, cfg.val_cfg = dict(type='ClassIoUMetric', iou_metrics=['mIoU']), dict(type='ValLoop')
    cfg.train_cfg.val_interval = 4
    cfg.default_hooks.checkpoint.save_best = 'mIoU'
    return cfg


def test_the_best_checkpoint_says_by_which_validation(tiny, tmp_path):
    runner = train(validated(tiny()), str(tmp_path / 'run'))
    (best,) = (tmp_path / 'run').glob('best_*.pth')
    card = card_of(read_model_file(best), best)
    kept = runner.message_hub.get_info('best_metrics')
    assert card['validation']['of_these_weights'] and card['validation']['iteration'] == kept['iteration']
    assert card['validation']['metrics']['mIoU'] == pytest.approx(kept['mIoU'], abs=1e-3)
    assert card['selection'].startswith('the best so far by mIoU of the validation')
    last = card_of(read_model_file(tmp_path / 'run' / 'iter_10.pth'), 'last')
    assert last['validation']['iteration'] == 8 and not last['validation']['of_these_weights']
    assert last['selection'] == 'the last iteration so far'
    assert torch.equal(predicted(init_model(best, device='cpu')), predicted(init_model(tiny(), best, 'cpu')))


def test_an_adapted_checkpoint_keeps_a_card(tiny, tmp_path):
    cfg = tiny()
    train(cfg, str(tmp_path / 'run'))
    given, out = tmp_path / 'run' / 'iter_10.pth', tmp_path / 'adapted.pth'
    adapt(cfg, given, out, ['batch_norm'], batches=2, device='cpu')
    card = card_of(read_model_file(out), out)
    assert card['adapted']['batch_norm']['batches'] == 2
    assert torch.equal(predicted(init_model(out, device='cpu')), predicted(init_model(cfg, out, 'cpu')))
    loaded = read_model_file(given)
    loaded['meta'].pop(CARD)
    torch.save(dict(state_dict=loaded['state_dict'], meta=loaded['meta']), given)
    adapt(cfg, given, out, ['batch_norm'], batches=2, device='cpu')
    assert card_of(read_model_file(out), out)['method']['terms'] == dict(output='AdversarialAlignment')
    init_model(out, device='cpu')


def test_a_checkpoint_without_a_card_asks_for_its_config(tmp_path):
    write_with(tmp_path / 'old.pth', None)
    with pytest.raises(UserError, match=r'old\.pth has no model card.*give the config'):
        init_model(tmp_path / 'old.pth', device='cpu')


def test_the_card_reads_rasters_as_the_test_of_its_training(write, tmp_path):
    blocks = np.random.default_rng(0).integers(0, 2000, (6, 8, 4))  # of 16 px, which any resampling keeps but at edges
    values = np.kron(blocks, np.ones((16, 16, 1))).astype(np.uint16)
    model = init_model(written(tmp_path / 'm.pth'), device='cpu')
    out = predict_raster(model, write(values), tmp_path / 'map.tif', gsd=0.25)
    # By hand: the bands, their range, resampled to half, normalised by the statistics of the target.
    import cv2

    image = np.clip((values[..., [2, 1, 0]].astype(np.float32) - 200) / 2000 * 255, 0, 255)
    half = image.reshape(48, 2, 64, 2, 3).mean((1, 3))
    small = torch.from_numpy((half - [100, 90, 80]) / [50, 40, 30]).permute(2, 0, 1)[None].float()
    with torch.no_grad():
        logits = build()(small)[0].permute(1, 2, 0).numpy()
    expected = cv2.resize(logits, (128, 96), interpolation=cv2.INTER_LINEAR).argmax(-1)
    with rasterio.open(out) as raster:
        found = raster.read(1)
        assert raster.colormap(1)[2][:3] == (255, 0, 0)
    assert (found == expected).mean() > 0.9  # bicubic or mean: the way of resampling alone differs
    assert np.bincount(expected.ravel()).max() < 0.8 * expected.size  # a constant would not do


def test_the_card_names_the_bands_of_the_files(tiny, write, tmp_path):
    rng = np.random.default_rng(0)
    for name in ('img/a.tif', 'ann/a.tif'):
        bands, high = (4, 256) if name.startswith('img') else (1, 2)
        write(rng.integers(0, high, (64, 64, bands)).astype(np.uint8), name)
    with rasterio.open(tmp_path / 'img' / 'a.tif', 'r+') as raster:
        raster.colorinterp = [getattr(rasterio.enums.ColorInterp, one) for one in ('red', 'green', 'blue', 'undefined')]
        raster.set_band_description(4, 'NIR')
    cfg = validated(tiny())
    dataset = dict(type='RasterDataset', metainfo=dict(classes=('dark', 'bright')), bands=(4, 1, 2), tile=32,
                   data_prefix=dict(img_path=str(tmp_path / 'img'), seg_map_path=str(tmp_path / 'ann')),
                   pipeline=[dict(type='LoadRasterWindow'), dict(type='ResampleToGSD', gsd=1.0),
                             dict(type='PackUDAInputs')])  # fmt: skip
    cfg.val_dataloader.dataset = dict(dataset)
    train(cfg, str(tmp_path / 'run'))
    path = tmp_path / 'run' / 'iter_10.pth'
    card = card_of(read_model_file(path), path)
    assert card['input']['bands'] == [4, 1, 2] and card['input']['band_names'] == ['nir', 'red', 'green']
    assert (card['input']['gsd'], card['input']['raster_gsd'], card['input']['tile']) == (1.0, None, 32)
    assert card['validation']['data'] == 'RasterDataset img'
    model = init_model(path, device='cpu')
    image = write(rng.integers(0, 256, (40, 40, 4)).astype(np.uint8), 'other.tif')
    maps = [
        predict_raster(one, image, tmp_path / f'{index}.tif')
        for index, one in enumerate([model, init_model(cfg, path)])
    ]
    first, second = (rasterio.open(one).read(1) for one in maps)
    assert np.array_equal(first, second) and (tmp_path / 'run').is_dir()


def test_a_segmentor_without_a_wrapper_is_built_as_one(tmp_path):
    preprocessor = dict(type='SegDataPreProcessor', mean=[1.0, 2.0, 3.0], std=[4.0, 5.0, 6.0], bgr_to_rgb=True)
    path = written(tmp_path / 'm.pth', predicts_with='model', preprocessor=preprocessor)
    model = init_model(path, device='cpu')
    assert type(model).__name__ == 'EncoderDecoder' and type(model.data_preprocessor).__name__ == 'SegDataPreProcessor'
    state = build().state_dict()
    assert all(torch.equal(value, state[name]) for name, value in model.state_dict().items() if name in state)
    full = model.cfg.copy()
    again = card_from_text(make_card(full, dict(classes=example()['classes'])), path)
    assert again['predicts_with'] == 'model' and again['input']['reversed']
    assert again['input']['mean'] == [3.0, 2.0, 1.0]  # of the bands as they are read
    assert again['segmentor'] == json.loads(json.dumps(SEGMENTOR))


def evil(path):
    """A plugin that leaves a trace if it is imported."""
    path.mkdir()
    (path / 'evil_plugin.py').write_text(
        'from pathlib import Path\nPath(__file__).with_name("ran").touch()\n'
        'from mmseg.models import EncoderDecoder\nfrom mmuda.registry import MODELS\n'
        '@MODELS.register_module(force=True)\nclass OfPlugin(EncoderDecoder):\n    pass\n'
    )
    return path / 'ran'


def segmentor(**changes):
    return dict(SEGMENTOR, **changes)


HEAD, BACKBONE = SEGMENTOR['decode_head'], SEGMENTOR['backbone']
MALICIOUS = {
    'unknown type': (dict(segmentor=segmentor(type='EncoderDecodr')), 'did you mean EncoderDecoder'),
    'os.system': (dict(segmentor__type='os.system'), "segmentor.type='os.system', which is no registered type"),
    'builtins.eval': (dict(segmentor__type='builtins.eval'), 'dotted names are not looked up'),
    'dotted real class': (dict(segmentor__type='mmseg.models.EncoderDecoder'), 'dotted names are not looked up'),
    'scope of a package': (dict(segmentor__type='antigravity.EncoderDecoder'), 'dotted names are not looked up'),
    'nested type': (dict(segmentor__decode_head=dict(HEAD, loss_decode=dict(type='os.system', command='id'))),
                    'loss_decode.type'),
    'nested deeper': (dict(segmentor__decode_head=dict(HEAD, sampler=[dict(a=dict(type='subprocess.Popen'))])),
                      'sampler.0.a.type'),
    'type that is no text': (dict(segmentor__type=['EncoderDecoder']), 'must be the name of a registered type'),
    'preprocessor': (dict(preprocessor=dict(type='subprocess.Popen', args='id')), 'preprocessor.type'),
    'pipeline': (dict(pipeline=[dict(type='LoadRasterWindow'), dict(type='os.remove', path='x')]), 'pipeline.1.type'),
    'model in the pipeline': (dict(pipeline=[dict(type='EncoderDecoder')]), 'EncoderDecoder'),
    'adapter': (dict(adapter=dict(type='posix.system')), 'adapter.type'),
    'custom_imports': (dict(segmentor__custom_imports=dict(imports=['evil_plugin'])), 'custom_imports'),
    '_base_': (dict(segmentor___base_='evil.py'), '_base_'),
    '_delete_': (dict(segmentor__decode_head=dict(HEAD, _delete_=True)), '_delete_'),
    '_scope_': (dict(segmentor___scope_='evil_plugin'), '_scope_'),
    'weights from a path': (dict(segmentor__init_cfg=dict(type='Pretrained', checkpoint='evil.pth')), 'init_cfg'),
    'weights from an address': (dict(segmentor__pretrained='http://127.0.0.1:9/x.pth'), 'pretrained'),
    'a huge network': (dict(segmentor__backbone=dict(BACKBONE, base_channels=10**9)), '16384'),
    'a large network': (dict(segmentor__backbone=dict(BACKBONE, base_channels=10_000)),
                        'another network than its weights'),
    'a wrong argument': (dict(segmentor__decode_head=dict(HEAD, command='id')), 'command'),
    'a wrong kind': (dict(segmentor__decode_head='FCNHead'), 'm.pth: its model card has'),
    'a negative size': (dict(segmentor__backbone=dict(BACKBONE, base_channels=-4)), 'm.pth: its model card has'),
    'another depth': (dict(segmentor__backbone=dict(BACKBONE, depth=7)), 'm.pth: its model card has'),
    'a plugin': (dict(plugins=['evil_plugin'], segmentor__type='OfPlugin'), '--plugin evil_plugin'),
}  # fmt: skip


@pytest.mark.parametrize('case', MALICIOUS)
def test_a_malicious_card_is_one_sentence_and_nothing_runs(case, tmp_path, monkeypatch):
    ran = evil(tmp_path / 'plugin')
    monkeypatch.syspath_prepend(tmp_path / 'plugin')
    monkeypatch.chdir(tmp_path)
    for module, name in (('os', 'system'), ('os', 'remove'), ('subprocess', 'Popen'), ('posix', 'system')):
        monkeypatch.setattr(f'{module}.{name}', lambda *_, **__: ran.touch())
    (tmp_path / 'evil.py').write_text(f'open({str(ran)!r}, "w")')
    changes, message = MALICIOUS[case]
    path = write_with(tmp_path / 'm.pth', json.dumps(example(**changes)))
    before = set(tmp_path.rglob('*'))
    with pytest.raises(UserError, match=message) as error:
        init_model(path, device='cpu')
    assert 'm.pth' in str(error.value) and '\n' not in str(error.value)
    assert not ran.exists() and set(tmp_path.rglob('*')) == before
    assert 'evil_plugin' not in sys.modules and 'antigravity' not in sys.modules


def test_a_plugin_is_imported_only_by_its_name(tmp_path, monkeypatch):
    ran = evil(tmp_path / 'plugin')
    monkeypatch.syspath_prepend(tmp_path / 'plugin')
    path = write_with(tmp_path / 'm.pth', example(plugins=['evil_plugin'], segmentor__type='OfPlugin'))
    with pytest.raises(UserError, match='needs evil_plugin, not json'):
        init_model(path, device='cpu', plugin='json')
    assert not ran.exists()
    model = init_model(path, device='cpu', plugin=['evil_plugin'])
    assert ran.exists() and type(model.segmentor).__name__ == 'OfPlugin'
    del sys.modules['evil_plugin'], MODELS.module_dict['OfPlugin']  # for the tests after this one
    with pytest.raises(UserError, match='needs no plugin, not evil_plugin'):
        init_model(written(tmp_path / 'plain.pth'), device='cpu', plugin='evil_plugin')
    gone = write_with(tmp_path / 'gone.pth', example(plugins=['not_there_at_all']))
    with pytest.raises(UserError, match='plugin not_there_at_all of .* cannot be imported'):
        init_model(gone, device='cpu', plugin='not_there_at_all')


SHIPPED = [
    'adaptsegnet/adaptsegnet_deeplabv3plus-effl0_nairobi2kampala.py',
    'adaptsegnet/adaptsegnet_deeplabv2-r101_gta2cityscapes.py',
    'adaptsegnet/adaptsegnet_single_segformer-b2_gta2cityscapes.py',
    'daformer/daformer_daformer-mitb5_gta2cityscapes.py',
    'dann/dann_deeplabv3plus-mv2_hannover2vaihingen.py',
    'fcan/fcan_pspnet-r101_mass2inria.py',
    'hrda/hrda_deeplabv3plus-effl0_nairobi2kampala.py',
    'isia_aim/isia_aim_fcn-hr48_gta2cityscapes.py',
    'low2high/low2high_unet-r18_chesapeake.py',
    'srda/srda_resaspp_vaih2pots.py',
]


PREPROCESSORS = [
    dict(type='UDADataPreprocessor', mean=[1.0, 2.0, 3.0], std=[4.0, 5.0, 6.0], rgb_to_bgr=True),
    dict(type='UDADataPreprocessor', streams=dict(target=dict(mean=[1.0, 2.0, 3.0, 4.0], std=[4.0, 5.0, 6.0, 7.0])),
         rgb_to_bgr=True),
    dict(type='UDADataPreprocessor', mean=[1.0, 2.0, 3.0], std=[4.0, 5.0, 6.0]),
    dict(type='SegDataPreProcessor', mean=[1.0, 2.0, 3.0], std=[4.0, 5.0, 6.0], bgr_to_rgb=True),
    dict(type='SegDataPreProcessor'),
]  # fmt: skip


@pytest.mark.parametrize('settings', PREPROCESSORS)
def test_the_statistics_of_a_card_normalise_as_the_preprocessor(settings):
    preprocessor = MODELS.build(settings)
    mean, std, is_reversed = statistics_of(preprocessor, None)
    image = torch.arange(len(mean) * 4.0).reshape(-1, 2, 2)
    sample = SegDataSample(metainfo=dict(domain='target', channel_order='RGB'))
    got = preprocessor(dict(inputs=[image], data_samples=[sample]), False)['inputs'][0]
    own = (image - torch.tensor(mean)[:, None, None]) / torch.tensor(std)[:, None, None]
    assert torch.allclose(own[[2, 1, 0, *range(3, len(own))]] if is_reversed else own, got.float())


def shapes(model):
    return {name: value.shape for name, value in model.segmentor.state_dict().items()}


@pytest.mark.parametrize('name', SHIPPED)
def test_the_card_of_a_shipped_config_builds_the_same_network(name):
    cfg = load_config(ROOT / 'configs' / name)
    full = prepare(Config(dict(cfg, model=dict(cfg.model, terms=None, views=None, plan=None))))
    dataset = (full.get('test_dataloader') or full.get('val_dataloader')).dataset
    from mmuda.apis.class_checks import configured_classes

    card = card_from_text(make_card(full, dict(classes=configured_classes(dataset)), training=cfg), name)
    assert card['incomplete'] is None and card['plugins'] == []
    again = prepare(config_of_card(card, name))
    expected, found = build_on_meta(full.model), build_on_meta(again.model)
    assert shapes(expected) == shapes(found)
    assert expected.evaluate_teacher == found.evaluate_teacher
    for key in ('mean', 'std', 'rgb_to_bgr', 'default_domain'):
        whole = (expected.data_preprocessor, found.data_preprocessor)
        own, other = (getattr(one, key, None) or one.default.get(key) for one in whole)
        assert own == other or list(own) == list(other)
    assert expected.segmentor.test_cfg['mode'] == found.segmentor.test_cfg['mode']
