"""What a card says is checked when it is read, and nothing else is believed."""

import json
import subprocess
import sys

import numpy as np
import pytest
import torch

from mmuda.checkpoints.card import CARD, adapted_card, card_from_text, card_of, card_text
from mmuda.checkpoints.card_config import check_config, plain_config
from mmuda.checkpoints.card_file import read_model_file, write_safetensors
from mmuda.utils.errors import UserError
from tests.helpers.cards import example


def test_a_card_survives_writing_and_reading():
    card = example()
    assert card_from_text(card_text(card), 'm.pth') == card
    assert card_of(dict(meta={CARD: card_text(card)}), 'm.pth') == card
    assert card_of(dict(meta={}), 'm.pth') is None
    assert card_of({}, 'm.pth') is None


def nested(depth):
    return json.loads('[' * depth + ']' * depth)


WRONG = {
    'a newer schema': (dict(schema=2), 'schema 2.*update mmuda'),
    'no schema': (dict(schema='1'), "schema='1'"),
    'a name that escapes': (dict(name='../../etc/passwd'), r"name='../../etc/passwd', which must be a name"),
    'an absolute name': (dict(name='/tmp/x'), 'which must be a name'),
    'no classes': (dict(classes=[]), '0 classes'),
    'classes that are no texts': (dict(classes=[1, 2, 3]), 'are not names'),
    'the name of a file for classes': (dict(classes='/etc/passwd'), 'a list of names'),
    'colours out of range': (dict(palette=[[0, 0, 300]] * 3), 'from 0 to 255'),
    'NaN in the mean': (dict(input__mean=[float('nan'), 1.0, 1.0]), 'nan'),
    'NaN anywhere': (dict(method=dict(weight=float('nan'))), 'the number nan'),
    'infinite deviation': (dict(input__std=[float('inf'), 1.0, 1.0]), 'inf'),
    'no deviation': (dict(input__std=[0.0, 1.0, 1.0]), 'positive'),
    'too few deviations': (dict(input__std=[1.0]), 'must be as many'),
    'a huge mean': (dict(input__mean=[1e30, 1.0, 1.0]), 'up to 1e'),
    'bands from 0': (dict(input__bands=[0, 1, 2]), 'band numbers from 1'),
    'two bands for three means': (dict(input__bands=[1, 2]), '2 input.bands for 3 means'),
    'a range that falls': (dict(input__value_range=[9.0, 1.0]), 'two increasing numbers'),
    'a negative distance': (dict(input__gsd=-1.0), 'positive number of metres'),
    'a huge tile': (dict(input__tile=10**9), 'whole number from 1 to 65536'),
    'truth for a number': (dict(input__gsd=True), 'positive number of metres'),
    'a text for an object': (dict(input='all'), 'must be an object'),
    'a text for steps': (dict(pipeline='LoadRasterWindow'), 'a list of objects'),
    'a module that is code': (dict(plugins=['os; print(1)']), 'module names'),
    'a module by its path': (dict(plugins=['../evil']), 'module names'),
    'deep nesting': (dict(method=dict(terms=nested(100))), 'nested more than'),
    'very many values': (dict(method=dict(terms=[0] * 30_000)), 'more than 20000 values'),
    'a very long text': (dict(selection='x' * 5000), 'a text of 5000 characters'),
}


@pytest.mark.parametrize('case', WRONG)
def test_what_no_card_says_is_one_sentence_that_names_the_file(case):
    changes, message = WRONG[case]
    with pytest.raises(UserError, match=message) as error:
        card_from_text(json.dumps(example(**changes)), 'folder/m.pth')
    assert 'folder/m.pth' in str(error.value) and '\n' not in str(error.value)


TEXTS = {
    'no JSON': '{',
    'a list': '[]',
    'NaN': '{"schema": NaN}',
    'nested beyond what Python parses': '[' * 200_000 + ']' * 200_000,
    'a number beyond what Python parses': '{"schema": ' + '9' * 10_000 + '}',
    'very long': ' ' * 2_000_000,
}


@pytest.mark.parametrize('case', TEXTS)
def test_a_text_that_is_no_card_is_told(case):
    with pytest.raises(UserError, match='m.pth: its model card has'):
        card_from_text(TEXTS[case], 'm.pth')


@pytest.mark.parametrize('missing', ['name', 'input', 'segmentor', 'versions'])
def test_a_missing_entry_is_named(missing):
    card = example()
    del card[missing]
    with pytest.raises(UserError, match=f'has no {missing}, which must be'):
        card_from_text(json.dumps(card), 'm.pth')


def test_a_run_writes_no_card_that_would_be_refused():
    with pytest.raises(UserError, match='nan'):
        card_text(example(input__mean=[float('nan'), 1.0, 1.0]))
    with pytest.raises(UserError, match='a float32, where plain data is expected'):
        card_text(example(input__mean=[np.float32(1), 1.0, 1.0]))


CONFIGS = {
    '_base_': dict(_base_='other.py'),
    '_delete_': dict(backbone=dict(_delete_=True)),
    '_scope_': dict(_scope_='mmdet'),
    'custom_imports': dict(custom_imports=dict(imports=['os'])),
    'init_cfg': dict(backbone=dict(init_cfg=dict(type='Pretrained', checkpoint='x.pth'))),
    'pretrained': dict(pretrained='open-mmlab://resnet50'),
    'checkpoint': dict(backbone=dict(checkpoint='x')),
    'path': dict(backbone=dict(arch='/etc/passwd')),
    'address': dict(backbone=dict(arch='http://example.org')),
    'windows': dict(backbone=dict(arch='C:\\x')),
    'huge': dict(backbone=dict(base_channels=10**9)),
    'hugely negative': dict(backbone=dict(base_channels=-(10**9))),
    'many': dict(dilations=[1] * 2000),
    'backend': dict(backend_args=dict(backend='http')),
}


@pytest.mark.parametrize('case', CONFIGS)
def test_a_config_that_could_do_more_than_build_is_refused(case):
    with pytest.raises(UserError, match=r'm\.pth: its model card has .*segmentor'):
        check_config(CONFIGS[case], 'segmentor', 'm.pth')


def test_a_config_becomes_plain_without_its_initial_weights():
    cfg = dict(type='A', _scope_='mmseg', init_cfg=dict(checkpoint='/x'), pretrained=None, sizes=(1, (2, 3)))
    assert plain_config(cfg) == dict(type='A', sizes=[1, [2, 3]])
    check_config(plain_config(cfg), 'segmentor', 'm.pth')
    for wrong in (dict(type=dict), dict(a='/weights'), dict(a=np.float64(1).astype('f4'))):
        with pytest.raises(ValueError, match='a=|type='):
            plain_config(dict(segmentor=wrong), 'x')


def test_an_adapted_card_does_not_keep_the_metrics_as_its_own():
    card = example(validation=dict(iteration=10, metrics=dict(mIoU=50.0), of_these_weights=True))
    adapted = card_from_text(adapted_card(card_text(card), dict(batch_norm=dict(layers=3)), 'm.pth'), 'm.pth')
    assert adapted['adapted'] == dict(batch_norm=dict(layers=3))
    assert adapted['validation'] == dict(iteration=10, metrics=dict(mIoU=50.0), of_these_weights=False)


def test_safetensors_hold_weights_and_card(tmp_path):
    weights = torch.arange(6.0).reshape(2, 3)
    state = dict(a=weights.T, b=weights, c=weights[0])  # a transposed one, and three that share memory
    write_safetensors(state, card_text(example()), tmp_path / 'm.safetensors')
    loaded = read_model_file(tmp_path / 'm.safetensors')
    assert {key: value.tolist() for key, value in loaded['state_dict'].items()} == {
        key: value.tolist() for key, value in state.items()
    }
    assert card_of(loaded, 'm') == example()
    assert loaded['meta']['dataset_meta'] == dict(classes=example()['classes'], palette=example()['palette'])
    assert [path.name for path in tmp_path.iterdir()] == ['m.safetensors']


def test_damaged_safetensors_are_told(tmp_path):
    write_safetensors(dict(a=torch.zeros(100)), card_text(example()), tmp_path / 'm.safetensors')
    (tmp_path / 'cut.safetensors').write_bytes((tmp_path / 'm.safetensors').read_bytes()[:-40])
    with pytest.raises(UserError, match='cut.safetensors is truncated or no safetensors file'):
        read_model_file(tmp_path / 'cut.safetensors')
    with pytest.raises(FileNotFoundError, match='none.safetensors was not found'):
        read_model_file(tmp_path / 'none.safetensors')


def test_a_card_is_read_without_torch():
    code = (
        "import sys; sys.modules.update(dict.fromkeys(('torch', 'mmengine', 'mmseg', 'mmcv')))\n"
        'from mmuda.checkpoints.card import card_from_text\n'
        "print(card_from_text(sys.stdin.read(), 'm.onnx')['name'])"
    )
    result = subprocess.run(
        [sys.executable, '-c', code], input=card_text(example()), capture_output=True, text=True, check=False
    )
    assert result.stdout == 'tiny\n', result.stderr
