import argparse
import runpy
import sys

import pytest

from mmuda.apis import UserError, load_config
from mmuda.utils.cfg_options import add_cfg_options
from tests.helpers import CONFIGS, ROOT

TOOLS = ROOT / 'tools'


@pytest.fixture
def parse(capsys):
    """What ``--cfg-options`` makes of its values; of wrong ones the line that argparse ends with."""
    parser = argparse.ArgumentParser()
    add_cfg_options(parser)

    def parse(*options):
        try:
            return parser.parse_args(['--cfg-options', *options]).cfg_options
        except SystemExit as ended:
            assert ended.code == 2
            return capsys.readouterr().err.strip().splitlines()[-1]

    return parse


@pytest.mark.parametrize(
    ('text', 'value'),
    [
        ('4', 4),
        ('-1', -1),
        ('3e-4', 3e-4),
        ('None', None),
        ('true', True),
        ('sgd', 'sgd'),
        ('/data/my rasters/east side', '/data/my rasters/east side'),
        ("'quoted, with a comma'", 'quoted, with a comma'),
        ("'4'", '4'),
        ("''", ''),
        ('a=b', 'a=b'),
        ("it's", "it's"),
        ('1,2', [1, 2]),
        ('[1, 2]', [1, 2]),
        ('(0.5, 1.5)', (0.5, 1.5)),
        ('a,b', ['a', 'b']),
        ('[bare ground, tall trees]', ['bare ground', 'tall trees']),
        ('[(a, b), (c, d)]', [('a', 'b'), ('c', 'd')]),
        ("{'a': 1, 'b c': [2]}", {'a': 1, 'b c': [2]}),
        ('[dict]', ['dict']),
    ],
)
def test_a_value_is_taken_as_it_is_written(parse, text, value):
    found = parse(f'some.key={text}')['some.key']
    assert found == value and type(found) is type(value)


@pytest.mark.parametrize(
    ('option', 'expected'),
    [
        ('asdf', "'asdf': it is not of the form KEY=VALUE"),
        ('=4', 'it is not of the form KEY=VALUE'),
        ('key=', 'the value is missing; write None for none'),
        ('key=[1, 2', 'its brackets do not match'),
        ('key={a: 1}', "a dict is written as in Python, with quotes: {'a': 1}"),
    ],
)
def test_an_option_that_cannot_be_read(parse, option, expected):
    assert expected in parse(option)


@pytest.mark.parametrize(
    ('key', 'value', 'expected'),
    [
        ('model.terms.outptu', None, "model.terms has no 'outptu'; did you mean output?"),
        ('optim_wrapper.segmentr.optimizer.lr', 1, "optim_wrapper has no 'segmentr'; did you mean segmentor?"),
        ('train_cfg.stages.2.iters', 5, 'train_cfg.stages is a list of 2, .*; give 0 to 1'),
        ('train_cfg.stages.adapt.iters', 5, "'adapt' names none of its elements"),
        ('train_cfg.stages.-1.iters', 5, "'-1' names none of its elements"),
        ('train_dataloader.batch_size.x', 5, 'train_dataloader.batch_size is 2, which has no entries'),
        ('optim_wraper.segmentor.optimizer.lr', 1, 'read by nothing; correct it to optim_wrapper'),
        ('train_dataloader.bach_size', 4, 'did you mean batch_size'),
    ],
)
def test_a_key_that_does_not_fit_the_config(tiny, key, value, expected):
    with pytest.raises(UserError, match=expected):
        tiny(**{key.replace('.', '__'): value})


def test_new_keys_and_elements_of_lists_are_taken(tiny):
    cfg = tiny(train_cfg__stages__1__iters=5, model__ema=dict(momentum=0.1), my_own_variable=3)
    assert (cfg.train_cfg.stages[1].iters, cfg.model.ema.momentum, cfg.my_own_variable) == (5, 0.1, 3)


@pytest.mark.parametrize(
    ('tool', 'arguments', 'expected'),
    [
        ('compare', ['a.py', '--out', 'o', '--seeds', '1', 'x'], "'x' is not right; give a whole number from 0"),
        ('compare', ['a.py', '--out', 'o', '--jobs', '0'], "'0' is not right; give a whole number of at least 1"),
        ('sweep', ['a.py', '--key', 'k', '--out', 'o', '--values', '[1'], 'its brackets do not match'),
        ('predict', ['a.py', 'b.pth', 'c.tif', '--out', 'o', '--gsd', 'abc'], "'abc' is not right; give a number abo"),
        ('predict', ['a.py', 'b.pth', 'c.tif', '--out', 'o', '--gsd', 'nan'], "'nan' is not right; give a number abo"),
        ('predict', ['a.py', 'b.pth', 'c.tif', '--out', 'o', '--tile', '0'], 'at least 1'),
        ('predict', ['a.py', 'b.pth', 'c.tif', '--out', 'o', '--margin', '-1'], 'at least 0'),
        ('train', ['a.py', '--seed', '-1'], 'a whole number from 0 to 2147483647'),
        ('train', ['a.py', '--seed', str(2**40)], 'a whole number from 0 to 2147483647'),
        ('train', ['a.py', '--cfg-options', 'asdf'], "'asdf': it is not of the form KEY=VALUE"),
        ('adapt', ['a.py', 'b.pth', 'c.pth', '--batches', '0'], 'at least 1'),
        ('translate', ['a.py', 'b.pth', '--out', 'o', '--tile', '-4'], 'at least 1'),
        ('pair_domains', ['a.py', '--strategy', 'random', '--out', 'o', '--memory', '0'], ''),
    ],
)
def test_an_option_of_a_tool_that_is_out_of_range(tool, arguments, expected, monkeypatch, capsys):
    monkeypatch.setattr(sys, 'argv', [f'{tool}.py', *arguments])
    parse_args = runpy.run_path(str(TOOLS / f'{tool}.py'))['parse_args']
    with pytest.raises(SystemExit) as ended:
        parse_args()
    assert ended.value.code == 2
    assert expected in capsys.readouterr().err.strip().splitlines()[-1]


@pytest.mark.parametrize(
    ('name', 'text', 'expected'),
    [
        ('empty.py', '', 'is empty'),
        ('empty.yaml', '', 'cannot be parsed'),
        ('list.json', '[1, 2]', 'cannot be parsed'),
        ('broken.json', '{"a": ', 'cannot be parsed'),
        ('broken.yaml', 'a: [1', 'cannot be parsed'),
        ('notes.txt', 'a = 1', "has the suffix '.txt'; it must be one of .py, .json"),
        ('typo.py', 'a = 1\nb = a + "x"\n', r'\(.*typo.py, line 2\): TypeError'),
        ('base.py', "_base_ = ['gone.py']\n", 'gone.py'),
        ('opens.py', "text = open('/nowhere/list.txt').read()\n", 'opens.py, line 1.*nowhere'),
    ],
)
def test_a_file_that_is_no_config(tmp_path, name, text, expected):
    (tmp_path / name).write_text(text)
    with pytest.raises(UserError, match=expected):
        load_config(tmp_path / name)


def test_configs_in_json_and_yaml(tmp_path):
    (tmp_path / 'a.json').write_text('{"train_dataloader": {"batch_size": 2}}')
    (tmp_path / 'a.yaml').write_text('train_dataloader:\n  batch_size: 0\n')
    assert load_config(tmp_path / 'a.json').train_dataloader.batch_size == 2
    with pytest.raises(UserError, match='train_dataloader.batch_size=0; give a whole number of at least 1'):
        load_config(tmp_path / 'a.yaml')


def test_the_command_line_sets_the_length_of_a_stage_by_its_name():
    path = CONFIGS / 'srda' / 'srda_resaspp_synthetic.py'
    cfg = load_config(path, {'train_cfg.iters.joint': 7})
    assert {stage.name: stage.iters for stage in cfg.train_cfg.stages}['joint'] == 7
    assert 'iters' not in cfg.train_cfg
    with pytest.raises(UserError, match="names the stage 'end'; the stages are"):
        load_config(path, {'train_cfg.iters.end': 7})
