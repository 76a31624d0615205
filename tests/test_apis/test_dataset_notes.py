from types import SimpleNamespace

from mmuda.apis.dataset_notes import notes_of


def test_notes_of_streams_and_wrappers_each_once():
    raster = SimpleNamespace(notes=['pixels are not square'])
    patches = SimpleNamespace(dataset=raster)
    both = SimpleNamespace(datasets=[raster, SimpleNamespace(notes=['pixels are not square', 'a label is elsewhere'])])
    streams = SimpleNamespace(streams=dict(source=patches, target=both))
    assert notes_of(streams) == [
        'source: pixels are not square',
        'target: pixels are not square',
        'target: a label is elsewhere',
    ]
    assert notes_of(SimpleNamespace()) == []
