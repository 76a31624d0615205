"""Named streams of samples: a labelled source, an unlabelled target, and further streams that a method needs."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext

import numpy as np
from torch.utils.data import Dataset

from mmuda.datasets.pairing import build_pairing
from mmuda.datasets.public.metainfo import check_same_classes
from mmuda.datasets.rare_classes import RareClassSampling
from mmuda.datasets.sampler import DrawIndex
from mmuda.registry import DATASETS
from mmuda.structures import IGNORE_INDEX
from mmuda.utils.errors import UserError, told_of
from mmuda.utils.seeds import mix_seed, seeded


def parts_of(dataset: Dataset | None) -> Iterator[Dataset]:
    """The datasets inside mmengine's wrappers (several as one, repeated ones), or the dataset itself."""
    inner = [*(getattr(dataset, 'datasets', None) or ()), getattr(dataset, 'dataset', None)]
    inner = [one for one in inner if one is not None]
    if dataset is not None and (hasattr(dataset, 'labelled') or not inner):
        yield dataset
        return
    for one in inner:
        yield from parts_of(one)


def stream_of(dataset: Dataset, name: str) -> Dataset:
    """A stream of a :class:`UDADataset` by name; any other dataset is its own only stream."""
    return getattr(dataset, 'streams', {}).get(name, dataset)


@DATASETS.register_module()
class UDADataset(Dataset):
    """A dataset whose items hold one sample of each stream.

    The index selects the source item. The pairing selects the target item; items of further streams are drawn
    uniformly. Lengths may differ. Without a source (source-free adaptation) the index selects the target item. With
    indices from :class:`DrawSampler`, a sample depends only on (seed, draw). Each stream draws independently, so adding
    a stream does not change the crops of the others.

    Args:
        source (dict | Dataset | None): The labelled source dataset or its config; None for a training that has only
            the target.
        target (dict | Dataset | None): The unlabelled target dataset. Its labels are never read in training, so a
            target dataset with labels is refused (labelled target tiles belong in a stream of another name).
        pairing (str | Mapping | Sequence): ``'random'``, ``'random_once'``, a JSON file, or a table source index ->
            target index; see :func:`build_pairing`.
        labelled_source (bool): False accepts a source without labels, for image translation and pretraining.
        rare_classes (Mapping | None): Arguments of :class:`mmuda.datasets.rare_classes.RareClassSampling`, e.g.
            ``dict(temperature=0.01)``: source samples are drawn by class, rare classes more often, and the index
            decides nothing. None draws them by index.
        **streams (dict | Dataset): Further datasets by stream name, e.g. ``exemplar=dict(...)``.

    Raises:
        UserError: There is neither a source nor a target, the classes of a stream differ from the source's, the target
            has labels or the source has none, a stream is empty, the pairing does not fit, or classes cannot be drawn
            from the source.

    Example:
        >>> train_dataloader = dict(
        ...     batch_size=2,
        ...     sampler=dict(type='DrawSampler'),
        ...     dataset=dict(type='UDADataset', source=dict(type=...), target=dict(type=...)))
    """

    def __init__(
        self,
        source: dict | Dataset | None = None,
        target: dict | Dataset | None = None,
        pairing: str | Mapping | Sequence = 'random',
        labelled_source: bool = True,
        rare_classes: Mapping | None = None,
        **streams: dict | Dataset,
    ) -> None:
        configs = dict(source=source, target=target, **streams)
        self.streams: dict[str, Dataset] = {
            name: DATASETS.build(config) if isinstance(config, Mapping) else config
            for name, config in configs.items()
            if config is not None
        }
        if not {'source', 'target'} & set(self.streams):
            raise UserError('UDADataset has neither a source nor a target; give one of them, or both.')
        self.full_init()
        for name, dataset in self.streams.items():
            for part in parts_of(dataset):
                if hasattr(part, 'trains'):
                    part.trains = True
            if len(dataset) == 0:
                raise UserError(f'The stream {name!r} of UDADataset has no items; check its data_root and selection.')
        unlabelled = [part for part in parts_of(self.source) if getattr(part, 'labelled', True) is False]
        if unlabelled and labelled_source:
            raise UserError(
                "The source of UDADataset has no labels; set data_prefix['seg_map_path'] and labelled=True of it, or "
                'labelled_source=False for a training that reads none.'
            )
        for name, dataset in self.streams.items():
            theirs = getattr(dataset, 'metainfo', {}).get('classes')
            check_same_classes(
                self.metainfo.get('classes'),
                theirs,
                f'the {self._leading}',
                'the target' if name == 'target' else f'the stream {name!r}',
            )
        self.pairing = None
        if self.target is not None:
            self._check_target()
        if self.source is not None and self.target is not None:
            self.pairing = build_pairing(pairing, len(self.source), len(self.target), self.source, self.target)
        elif pairing != 'random':
            missing = 'target' if self.target is None else 'source'
            raise UserError(f'UDADataset got a pairing but no {missing}; give a {missing} or leave the pairing out.')
        self.rare_classes = None if rare_classes is None else self._sampling(rare_classes, pairing)

    @property
    def source(self) -> Dataset | None:
        """The source dataset, if there is one."""
        return self.streams.get('source')

    @property
    def target(self) -> Dataset | None:
        """The target dataset, if there is one."""
        return self.streams.get('target')

    @property
    def metainfo(self) -> dict:
        """Classes, palette and other metadata of the source; of the target if there is no source."""
        return self.streams[self._leading].metainfo

    @property
    def _leading(self) -> str:
        """The stream whose items the index selects."""
        return 'source' if 'source' in self.streams else 'target'

    def full_init(self) -> None:
        """Load the index of every stream."""
        for dataset in self.streams.values():
            if hasattr(dataset, 'full_init'):
                dataset.full_init()

    def __len__(self) -> int:
        return len(self.streams[self._leading])

    def __getitem__(self, index: int) -> dict[str, dict]:
        """Draw one sample of each stream.

        Args:
            index (int): Index of the source item, or of the target item if there is no source; a :class:`DrawIndex`
                fixes all random choices.

        Returns:
            dict[str, dict]: {stream: sample}; each sample's metainfo has its stream's name as ``domain``.
        """
        return {name: self._draw(name, index) for name in self.streams}

    def _draw(self, name: str, index: int) -> dict:
        fixed = isinstance(index, DrawIndex)
        with seeded(mix_seed(index.seed, index.draw, name)) if fixed else nullcontext():
            by_class = name == 'source' and self.rare_classes is not None
            sample = self.rare_classes() if by_class else self.streams[name][self._index_of(name, int(index))]
        if 'inputs' not in sample and 'data_samples' not in sample:
            raise UserError(
                f'The stream {name!r} of UDADataset gives samples that are not packed; end its pipeline with '
                "dict(type='PackUDAInputs')."
            )
        if 'data_samples' in sample:
            sample['data_samples'].set_metainfo(dict(domain=name))
            self._check_label(name, sample['data_samples'])
            if name == 'target' and 'gt_sem_seg' in sample['data_samples']:
                raise UserError(
                    f'The target sample {sample["data_samples"].metainfo.get("img_path")} has a label, which training '
                    'must not read; take LoadAnnotations out of its pipeline.'
                )
        return sample

    def _index_of(self, name: str, index: int) -> int:
        if name == self._leading:
            return index
        if name == 'target':
            return self.pairing(index)
        return int(np.random.randint(len(self.streams[name])))

    def _sampling(self, arguments: Mapping, pairing: str | Mapping | Sequence) -> RareClassSampling:
        if self.source is None:
            raise UserError('UDADataset got rare_classes but no source; give a source or leave rare_classes out.')
        if pairing != 'random':
            raise UserError(
                'UDADataset got rare_classes and a pairing, but items that are drawn by class are no longer those that '
                "are paired; leave out rare_classes, or set pairing='random'."
            )
        with told_of('rare_classes'):
            return RareClassSampling(self.source, **arguments)

    def _check_label(self, name: str, sample) -> None:
        """Refuse label values that are not a class; only rasters were already checked on reading."""
        classes = getattr(self.streams[name], 'metainfo', {}).get('classes')
        if not classes or 'gt_sem_seg' not in sample:
            return
        label = sample.gt_sem_seg.data
        ignored = getattr(self.streams[name], 'ignore_index', IGNORE_INDEX)
        wrong = ((label < 0) | (label >= len(classes))) & (label != IGNORE_INDEX) & (label != ignored)
        if wrong.any():
            path = sample.metainfo.get('seg_map_path') or f'of {sample.metainfo.get("img_path")}'
            raise UserError(
                f'The label {path} holds {int(label[wrong][0])} after loading, but the stream {name!r} has the classes '
                f'0..{len(classes) - 1} and {IGNORE_INDEX} for what is ignored; correct the label, the classes or '
                'reduce_zero_label.'
            )

    def _check_target(self) -> None:
        labelled = [part for part in parts_of(self.target) if getattr(part, 'labelled', False)]
        if labelled:
            raise UserError(
                f'The target dataset {type(labelled[0]).__name__} of UDADataset reads labels, which training must '
                "not use; set labelled=False of it, or leave out data_prefix['seg_map_path']."
            )
