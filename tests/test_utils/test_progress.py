from mmuda.utils import progress as module
from mmuda.utils.progress import Progress


def lines_of(monkeypatch, steps, **kwargs):
    now, lines = [0.0], []
    monkeypatch.setattr(module.time, 'monotonic', lambda: now[0])
    progress = Progress(100, 'tiles', lines.append, **kwargs)
    for now[0], done in steps:
        progress.update(done)
    return lines


def test_reports_now_and_then_and_estimates_from_what_this_process_did(monkeypatch):
    steps = [(5, 45), (10, 50), (15, 60), (30, 90), (40, 100)]
    lines = lines_of(monkeypatch, steps, done=40)
    assert lines == [
        '50 of 100 tiles after 10 s, about 50 s left',
        '90 of 100 tiles after 30 s, about 6 s left',
    ]


def test_last_reports_the_end_and_only_it_before_its_time(monkeypatch):
    assert lines_of(monkeypatch, [(1, 50), (2, 100)], last=True) == ['100 of 100 tiles after 2 s, about 0 s left']


def test_nothing_to_do_and_nobody_to_tell():
    Progress(0, 'tiles', print, last=True).update(0)
    Progress(10, 'tiles', None, seconds=0).update(5)
