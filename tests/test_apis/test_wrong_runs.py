"""Wrong data, configs, checkpoints and options given to the other commands: one line, and nothing is left behind.

Each row spoils two small towns and a config that are fine otherwise, and names what the line must contain: the file or
key, the value and the remedy. No row comes to its first iteration.
"""

import shutil
import zipfile
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.logging import MMLogger

from mmuda.apis import load_config, prepare
from mmuda.checkpoints.reading import write_checkpoint
from mmuda.models import DomainAdaptation
from mmuda.registry import MODELS
from tests.helpers.wrong_inputs import (
    SIDE,
    Towns,
    image,
    images,
    label,
    labels,
    nothing,
    one,
    run,
    the_line,
    written,
)

TRAIN, CHECK = ('train', 'tiny.py', '--work-dir', 'run'), ('train', 'tiny.py', '--check')
TEST = ('test', 'tiny.py', 'good.pth', '--work-dir', 'run', '--out', 'maps', '--show-dir', 'pictures')
PREDICT = ('predict', 'tiny.py', 'good.pth', 'theirs/images', '--out', 'new/maps')
ADAPT = ('adapt', 'tiny.py', 'good.pth', 'new/adapted.pth')
STREAM = 'train_dataloader.dataset.'


@pytest.fixture(scope='module')
def checkpoint(tmp_path_factory):
    """Weights of the config, as a run writes them."""
    folder = tmp_path_factory.mktemp('checkpoint')
    Towns(folder)
    model = MODELS.build(prepare(load_config(folder / 'tiny.py')).model)
    meta = dict(classes=('ground', 'roof'), palette=[[0, 0, 0], [255, 255, 255]])
    write_checkpoint(model.state_dict(), folder / 'good.pth', dataset_meta=meta)
    return folder / 'good.pth'


@pytest.fixture
def towns(tmp_path, monkeypatch, checkpoint):
    def step(*args, **kwargs):
        raise AssertionError('the first iteration has begun')

    monkeypatch.setattr(DomainAdaptation, 'train_step', step)
    monkeypatch.chdir(tmp_path)
    shutil.copy(checkpoint, 'good.pth')
    return Towns(tmp_path)


def option(text, command=TRAIN):
    return nothing, (*command, '--cfg-options', text)


def with_checkpoint(make, command):
    """The command with a checkpoint that ``make`` writes."""
    return lambda towns: make(towns.folder / 'bad.pth'), tuple(part.replace('good', 'bad') for part in command)


def changed(old, new):
    return lambda towns: towns.replace(old, new)


def zipped(path):
    with zipfile.ZipFile(path, 'w') as archive:
        archive.writestr('a.txt', 'hello')


def diverged(path):
    loaded = torch.load(path.with_name('good.pth'), weights_only=True)
    loaded['state_dict']['segmentor.backbone.conv1.weight'][0] = torch.nan
    write_checkpoint(loaded['state_dict'], path)


def cut(path):
    path.write_bytes(path.with_name('good.pth').read_bytes()[:9000])


of_another_network = partial(write_checkpoint, {'backbone.conv.weight': torch.zeros(3)})
TURNED = changed("('ground', 'roof')", "('roof', 'ground')")
COLOURS = np.concatenate([label(0, 255), label(0), label(0)])
ROWS = {
    # train.py and its --check: rasters and labels.
    'a label of another size': (
        one('ours/labels/b.tif', label(0, size=(SIDE, SIDE - 1))), TRAIN,
        ['ours/labels/b.tif is 176 x 175 px', 'ours/images/b.tif', 'bring both to the same grid'],
    ),
    'a label of another size, checked': (
        one('ours/labels/b.tif', label(0, size=(SIDE, SIDE - 1))), CHECK,
        ['ours/labels/b.tif is 176 x 175 px', 'bring both to the same grid'],
    ),
    'a label half a pixel beside': (
        one('ours/labels/b.tif', label(0, 1), left=500000.5), TRAIN,
        ['ours/labels/b.tif lies on another grid', '500000.5', 'bring both to the same grid'],
    ),
    'classes from 1 to N': (labels(label(1, 2)), TRAIN, ['a.tif holds the value 2', '0, 1, 255', 'label_values']),
    'a mask of 0 and 255': (labels(label(0, 255)), TRAIN, ['labels/a.tif', 'only 0 and 255', '{0: 0, 255: 1}']),
    'labels of colours': (labels(COLOURS), TRAIN, ['labels/a.tif', '(255, 0, 0) is not grey', 'set label_colours']),
    'labels of fractions': (labels(label(0, 1) / 2), TRAIN, ['labels/a.tif holds the value 0.5', 'correct the label']),
    'images of 16 bits': (images(image(dtype=np.uint16)), TRAIN, ['a.tif is uint16', 'set value_range=(low, high)']),
    'a grey image among others': (
        one('theirs/images/b.tif', image(1)), TRAIN, ['b.tif has 1 band(s)', 'bands=(1, 2, 3)', 'set bands'],
    ),
    'a crop larger than a raster': (
        images(image(size=(SIDE, 100))), CHECK, ['a.tif', '128 x 128 px', '176 x 100 px', 'make the crop smaller'],
    ),
    # train.py: the config.
    'a misspelt key': option('train_datalader.batch_size=2') + (['train_datalader', 'correct it to train_dataloader'],),
    'a misspelt argument': option(f'{STREAM}source.img_sufix=.png') + (['img_sufix', 'did you mean img_suffix?'],),
    'a misspelt type': option(f'{STREAM}source.type=RasterDatset') + (["'RasterDatset'", 'RasterDataset'],),
    'an option without a value': option('load_from=') + (["'load_from='", 'the value is missing', 'None for none'],),
    'a batch of 0': option('train_dataloader.batch_size=0') + (['batch_size=0', 'a whole number of at least 1'],),
    'a batch of None': option('train_dataloader.batch_size=None') + (['batch_size=None', 'of at least 1'],),
    'a misspelt metric': option('val_evaluator.iou_metrics=[mIuO]') + (["['mIuO']", "'mIoU'", 'give some of'],),
    'a class as a text': option(f'{STREAM}source.metainfo.classes=roof') + (["classes='roof'", 'a list of names'],),
    'classes that differ': option(f'{STREAM}source.metainfo.classes=[a,b]') + (["('a', 'b')", 'the same classes'],),
    'more classes than the source': (
        *option(f'{STREAM}target.metainfo.classes=[a,b,c]'), ['source has 2 classes', 'target has 3', 'metainfo=dict'],
    ),
    'no pipeline': option('train_dataloader.dataset.source.pipeline=[]') + (["stream 'source'", 'PackUDAInputs'],),
    'no validation data': option('val_dataloader=None') + (['tiny.py', 'no val_dataloader', 'set all to None'],),
    'a folder that is not there': option(f'{STREAM}target.data_root=hers') + (['hers/images', 'set data_root'],),
    'an empty config': (written('tiny.py'), TRAIN, ['tiny.py is empty', 'give another']),
    'a config with an open bracket': (written('tiny.py', b'a = ('), TRAIN, ['tiny.py cannot be parsed', 'closed']),
    'no config': (nothing, ('train', 'none.py'), ['none.py was not found', 'check the path']),
    # train.py: where it starts, and where it writes.
    'nothing to resume': (nothing, (*TRAIN, '--resume'), ['run', 'nothing to resume from', 'start without --resume']),
    'a text to start from': option('load_from=tiny.py') + (['tiny.py is truncated or no checkpoint', 'another file'],),
    'a file as work directory': (nothing, (*TRAIN[:3], 'tiny.py'), ['tiny.py cannot be written to', 'another place']),
    # test.py.
    'labels of a test with unknown values': (
        labels(label(0, 5)), TEST, ['labels/a.tif holds the value 5', '0, 1, 255', 'correct the label'],
    ),
    'a test without labels': (
        *option('test_dataloader.dataset.labelled=False', TEST), ['test_dataloader.dataset has no', 'seg_map_path'],
    ),
    'a test of classes in another order': (TURNED, TEST, ['good.pth', "('roof', 'ground')", 'choose the same classes']),
    'a test of another network': (
        *with_checkpoint(of_another_network, TEST), ['does not fit', 'backbone.conv.weight', 'a whole segmentor'],
    ),
    'maps into a file': (written('maps'), TEST, ['maps cannot be written to', 'choose another place']),
    'maps into the folder of the labels': (
        nothing, (*TEST[:6], 'ours/labels'), ['ours/labels/a.tif is read as an input', 'give another folder'],
    ),
    # predict.py.
    'a text as checkpoint': (
        *with_checkpoint(lambda path: path.write_text('hello'), PREDICT), ['bad.pth', "b'hello'", 'use another file'],
    ),
    'an archive as checkpoint': (*with_checkpoint(zipped, PREDICT), ['bad.pth', 'no checkpoint', 'use another file']),
    'a truncated checkpoint': (*with_checkpoint(cut, PREDICT), ['bad.pth is truncated', 'use another file']),
    'a tensor as checkpoint': (
        *with_checkpoint(partial(torch.save, torch.zeros(3)), PREDICT), ['bad.pth holds a Tensor', 'use another file'],
    ),
    'a checkpoint that has diverged': (
        *with_checkpoint(diverged, PREDICT), ['bad.pth', 'backbone.conv1.weight', 'use an earlier checkpoint'],
    ),
    'no checkpoint': (nothing, ('predict', 'tiny.py', 'no.pth', *PREDICT[3:]), ['no.pth', 'correct the path']),
    'a network for more classes': (
        changed('num_classes=2', 'num_classes=3'), PREDICT, ['does not fit', 'model (3, 4, 1, 1)', 'change the config'],
    ),
    'a damaged raster among others': (written('theirs/images/b.tif'), PREDICT, ['b.tif cannot be read', 'intact copy']),
    'a raster that is not there': (
        nothing, (*PREDICT[:3], 'c.tif', '--out', 'new'), ['the raster c.tif was not found', 'check the path'],
    ),
    'predictions into the folder of the images': (
        nothing, (*PREDICT[:5], 'theirs/images'), ['theirs/images is to be predicted', 'give another --out'],
    ),
    'a GSD of 0': (nothing, (*PREDICT, '--gsd', '0'), ['--gsd', "'0'", 'give a number above 0']),
    'a margin larger than the tile': (
        nothing, (*PREDICT, '--tile', '8', '--margin', '9'), ['tile=8 and margin=9', 'give a margin below half'],
    ),
    'a device that is not there': (nothing, (*PREDICT, '--device', 'gpu'), ["device 'gpu'", 'give cpu, or a GPU as']),
    # adapt.py.
    'shares in percent': (nothing, (*ADAPT, '--shares', '80', '20'), ['[80.0, 20.0]', 'numbers from 0 to 1']),
    'shares of another sum': (nothing, (*ADAPT, '--shares', '0.5', '0.6'), ['[0.5, 0.6]', '1.100', 'with the sum 1']),
    'shares of three classes': (
        nothing, (*ADAPT, '--shares', '0.5', '0.3', '0.2'), ['[0.5, 0.3, 0.2] are 3', '(ground, roof)', 'one each'],
    ),
    'a target of no data': (
        images(image() * 0, nodata=0), (*ADAPT, '--cfg-options', 'train_dataloader.batch_size=1'),
        ['theirs/images/', 'batches of target images hold no data', 'check the rasters'],
    ),
    'an image as output': (
        nothing, (*ADAPT[:3], 'good.pth'), ['good.pth is read as an input', 'give another folder or name'],
    ),
    'an adaptation to images that are gone': (
        lambda towns: shutil.rmtree(towns.folder / 'theirs/images'), ADAPT, ['theirs/images', 'put or link the data'],
    ),
}  # fmt: skip


@pytest.mark.parametrize(('spoil', 'command', 'parts'), ROWS.values(), ids=ROWS)
def test_one_line_and_nothing_left(spoil, command, parts, towns, monkeypatch, capsys):
    spoil(towns)
    before = towns.state()
    with pytest.raises(SystemExit) as ended:
        run(*command[:1], command[1:], monkeypatch)
    assert ended.value.code == 2
    line = the_line(capsys.readouterr().err)
    assert [part for part in parts if part not in line] == [], line
    assert towns.state() == before


@pytest.mark.parametrize('command', [TRAIN, CHECK], ids=['train', 'check'])
def test_what_is_not_spoilt_comes_to_its_first_iteration(command, towns, monkeypatch):
    with pytest.raises(AssertionError, match='the first iteration has begun'):
        run(*command[:1], command[1:], monkeypatch)


@pytest.mark.parametrize('command', [TEST, PREDICT, (*ADAPT, '--batches', '2')], ids=['test', 'predict', 'adapt'])
def test_what_is_not_spoilt_is_written(command, towns, monkeypatch):
    run(*command[:1], command[1:], monkeypatch)
    assert [*towns.folder.glob('maps/a.tif'), *towns.folder.glob('new/maps/a.tif'), *towns.folder.glob('new/*.pth')]


def test_the_log_of_an_earlier_run_stays(towns, monkeypatch):
    """A refused run removes what it has written itself, and nothing else in its folder."""
    run('test', TEST[1:], monkeypatch)
    (towns.folder / 'run/.started').write_text('an earlier training')
    towns.write('ours/labels/b.tif', label(0, size=(9, 9)))
    before = {path: state for path, state in towns.state().items() if path.endswith(('.log', '.json', '.started'))}
    with pytest.raises(SystemExit):
        run('test', TEST[1:], monkeypatch)
    after = towns.state()
    assert len(before) == 4 and before.items() <= after.items()
    assert len(list((towns.folder / 'run').glob('2*'))) == 1
    assert (towns.folder / 'run/tiny.py').is_file()


def test_the_log_of_an_error_after_the_first_iteration_stays(towns, monkeypatch):
    steps = []

    def step(*args, **kwargs):
        steps.append(1)
        if len(steps) == 2:
            raise OSError(28, 'full', 'a.pth')
        return dict(loss=torch.zeros(()))

    monkeypatch.setattr(DomainAdaptation, 'train_step', step)
    with pytest.raises(SystemExit):
        run('train', TRAIN[1:], monkeypatch)
    handlers = MMLogger.get_current_instance().handlers
    (log,) = [handler.baseFilename for handler in handlers if hasattr(handler, 'baseFilename')]
    assert str(towns.folder / 'run') in log and 'loss' in Path(log).read_text()
