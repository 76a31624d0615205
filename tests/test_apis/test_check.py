import os

import pytest
import torch
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

from mmuda.apis import UserError, check
from mmuda.apis.stream_report import StreamReport
from tests.helpers.tiny import SIZE


def test_a_good_config_is_reported_and_nothing_is_written(tiny, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cfg = tiny()
    before = cfg.pretty_text
    report = check(cfg)
    assert cfg.pretty_text == before
    assert os.listdir(tmp_path) == ['tiny.py']
    assert [(stage.name, stage.iters) for stage in report.stages] == [('source', 3), ('adapt', 7)]
    expected = 3 * report.stages[0].seconds + 7 * report.stages[1].seconds
    assert report.seconds == pytest.approx(expected) and expected > 0
    assert set(report.stages[1].losses) > {'supervised.decode.loss_ce', 'output.loss_adversarial'}
    assert not any(name.startswith('output') for name in report.stages[0].losses)
    assert [name for name, _, _ in report.networks] == ['segmentor', 'terms.output']
    assert report.learning_rates == dict(segmentor=[0.01], discriminator=[0.001])
    source, target = report.streams
    assert source.counts[:2].sum() == source.samples * 128 * 128 and source.counts[2] == 0
    assert target.counts is None
    assert report.memory['process'] > 50
    assert report.warnings == []
    assert str(report).endswith('nothing looks wrong')


def test_what_looks_wrong_is_said(tiny):
    report = check(
        tiny(
            train_dataloader__dataset__source__ignored=0.75,
            train_dataloader__dataset__source__constant=True,
            train_dataloader__dataset__target__gsd=0.3,
            optim_wrapper__discriminator__optimizer__lr=0.0,
        )
    )
    text = '\n'.join(report.warnings)
    assert 'source: all 8 images are constant' in text
    assert 'source: not one pixel of bright in 8 samples' in text
    assert 'source: 75 % of the label pixels are ignored' in text
    assert 'crops of source cover 128.0 m and those of target 38.4 m' in text
    assert 'optimiser discriminator has learning rate 0' in text
    assert len(report.warnings) == 5
    assert 'this looks wrong\n  - source' in str(report)


def test_a_loss_that_is_not_finite_is_a_finding(tiny):
    report = check(tiny(train_dataloader__dataset__source__scale=float('inf')))
    assert any(warning.startswith('training stops: ') for warning in report.warnings)
    assert 'unknown, no iteration was completed' in str(report)


def test_mistakes_that_stop_a_run_stop_a_check(tiny):
    with pytest.raises(UserError, match="type 'DrawnDatset' .* did you mean DrawnDataset"):
        check(tiny(train_dataloader__dataset__source__type='DrawnDatset'))
    with pytest.raises(UserError, match='neither stages nor max_iters'):
        check(tiny(train_cfg=dict(_delete_=True, type='IterBasedTrainLoop')))
    with pytest.raises(
        UserError, match=r"train_dataloader.dataset has 2 classes \('dark', 'bright'\), .*num_classes=3"
    ):
        check(tiny(model__segmentor__decode_head__num_classes=3, model__terms__output=None))
    with pytest.raises(UserError, match='no entry for the optimiser discriminator'):
        check(tiny(param_scheduler=dict(segmentor=[])))


def test_what_datasets_note_is_said(tiny, monkeypatch):
    monkeypatch.setattr('tests.helpers.tiny.DrawnDataset.notes', ['pixels are not square'], raising=False)
    assert check(tiny()).warnings == ['source: pixels are not square', 'target: pixels are not square']


def test_the_share_without_data_is_told_by_stream(tiny):
    missing = torch.zeros(1, SIZE, SIZE, dtype=torch.bool)
    missing[:, : SIZE // 4] = True
    report = StreamReport('target')
    for n in range(4):
        sample = SegDataSample()
        if n % 2:
            sample.set_data(dict(no_data=PixelData(data=missing)))
        report.add(dict(inputs=torch.rand(3, SIZE, SIZE), data_samples=sample))
    assert '  no data: 12.5 % of the pixels' in report.lines()
    assert not any('no data' in line for line in StreamReport('source', samples=3).lines())
