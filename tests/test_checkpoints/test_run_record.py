import json

import pytest
from mmengine.config import Config

from mmuda.checkpoints.run_record import differences, plain, record_of


def test_a_record_is_plain_data_of_what_trains():
    cfg = Config(
        dict(
            model=dict(type=dict, size=(1, 2.5), hook=len, on=True, nothing=None),
            train_dataloader=dict(batch_size=2),
            work_dir='elsewhere',
            log_level='INFO',
            extent=48.0,
        )
    )
    record = record_of(cfg)
    assert record == dict(
        model=dict(type='builtins.dict', size=[1, 2.5], hook='builtins.len', on=True, nothing=None),
        train_dataloader=dict(batch_size=2),
    )
    assert json.loads(json.dumps(record)) == record
    assert plain(dict(a={1, 2})) == dict(a='builtins.set')


STEPS = [dict(type='Crop', size=4), dict(type='Pack')]
LONG = [1] * 99


@pytest.mark.parametrize(
    ('old', 'new', 'found'),
    [
        (dict(a=dict(b=1, c=2)), dict(a=dict(b=1, c=3)), [('a.c', '2', '3')]),
        (dict(a=1), dict(b='x'), [('a', '1', 'not given'), ('b', 'not given', 'x')]),
        (dict(p=STEPS), dict(p=[dict(type='Crop', size=8), STEPS[1]]), [('p.0.size', '4', '8')]),
        (dict(p=STEPS), dict(p=STEPS[1:]), [('p', "['Crop', 'Pack']", "['Pack']")]),
        (dict(p=[1, 2]), dict(p=[1, 2, 3]), [('p', '[1, 2]', '[1, 2, 3]')]),
        (dict(head=dict(type='A', x=1)), dict(head=None), [('head', 'a A', 'None')]),
        (dict(a=LONG), dict(a=0), [('a', f'{str(LONG)[:97]}...', '0')]),
        (dict(a=[]), dict(a=[]), []),
    ],
)
def test_each_difference_is_told_once(old, new, found):
    assert differences(old, new) == found
