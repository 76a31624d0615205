"""Collects the notes of datasets on their files, through all wrappers."""

from torch.utils.data import Dataset


def notes_of(dataset: Dataset) -> list[str]:
    """The ``notes`` of a dataset and of the datasets inside it, without duplicates, with the stream's name.

    Args:
        dataset: E.g. a :class:`UDADataset` of streams, a :class:`PatchSet`, or one of mmengine's wrappers.
    """
    found = list(getattr(dataset, 'notes', ()))
    for name, stream in getattr(dataset, 'streams', {}).items():
        found += [f'{name}: {note}' for note in notes_of(stream)]
    inner = [getattr(dataset, 'dataset', None), *(getattr(dataset, 'datasets', None) or ())]
    for one in inner:
        found += notes_of(one) if one is not None else []
    return list(dict.fromkeys(found))
