"""A sample order that is kept on resume, for any number of workers and ranks."""

from collections.abc import Iterator, Sized

from mmengine.dataset import InfiniteSampler
from torch.utils.data import Sampler

from mmuda.registry import DATA_SAMPLERS


class DrawIndex(int):
    """A dataset index that also holds its draw number in the run.

    Args:
        index (int): Index into the dataset.
        draw (int): Draw number, counted over all ranks from the start of the run.
        seed (int): Seed of the run.
    """

    draw: int
    seed: int

    def __new__(cls, index: int, draw: int, seed: int) -> 'DrawIndex':
        self = super().__new__(cls, index)
        self.draw = draw
        self.seed = seed
        return self

    def __getnewargs__(self) -> tuple[int, int, int]:
        # Indices travel to the workers by pickle.
        return int(self), self.draw, self.seed

    def __repr__(self) -> str:
        return f'DrawIndex({int(self)}, draw={self.draw}, seed={self.seed})'


@DATA_SAMPLERS.register_module()
class DrawSampler(InfiniteSampler):
    """mmengine's ``InfiniteSampler``, with indices that carry the draw number.

    The n-th index of a rank has ``draw = n * world_size + rank``. :class:`UDADataset` seeds the random generators with
    it. So a sample depends only on the seed and the draw, not on the number of workers or on earlier draws. A resumed
    run continues exactly after ``skip``.

    Args:
        dataset (Sized): The dataset.
        shuffle (bool): Whether each pass over the dataset has a new order.
        seed (int | None): Seed, the same on all ranks; the runner passes it.
    """

    def _indices_of_rank(self) -> Iterator[DrawIndex]:
        for position, index in enumerate(super()._indices_of_rank()):
            yield DrawIndex(index, draw=position * self.world_size + self.rank, seed=self.seed)


@DATA_SAMPLERS.register_module()
class EdgeSampler(Sampler):
    """The batches of an ordered pass that are most likely to fail: the first, the last, and one with two tile sizes.

    It serves to try out a validation before a long training.

    Args:
        dataset (Sized): The dataset.
        batch_size (int): Batch size of the loader that uses the indices.
        each_raster (bool): Take the first item of each image instead, so that every image is read.
        seed (int | None): Not used; the runner passes it.
    """

    def __init__(self, dataset: Sized, batch_size: int = 1, each_raster: bool = False, seed: int | None = None) -> None:
        if each_raster:
            items = [dataset.get_data_info(index) for index in range(len(dataset))]
            self._indices = list({item['img_path']: index for index, item in reversed(list(enumerate(items)))}.values())
            return
        starts = list(range(0, len(dataset), batch_size))
        batches = [range(start, min(start + batch_size, len(dataset))) for start in starts]
        mixed = [batch for batch in batches if batch_size > 1 and len({_size(dataset, index) for index in batch}) > 1]
        chosen = {batch.start: batch for batch in [*batches[:1], *mixed[:1], *batches[-1:]]}
        self._indices = [index for start in sorted(chosen) for index in chosen[start]]

    def __iter__(self) -> Iterator[int]:
        return iter(self._indices)

    def __len__(self) -> int:
        return len(self._indices)

    def set_epoch(self, epoch: int) -> None:
        """Do nothing; the order is fixed."""


def _size(dataset, index: int) -> tuple[int, int] | None:
    """Height and width of a tile, if the dataset knows it without reading the image."""
    info = dataset.get_data_info(index) if hasattr(dataset, 'get_data_info') else {}
    window = info.get('window')
    return None if window is None else tuple(window[2:])
