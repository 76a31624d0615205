"""Sample order that survives a resume, for any number of workers and ranks."""

from collections.abc import Iterator

from mmengine.dataset import InfiniteSampler

from mmuda.registry import DATA_SAMPLERS


class DrawIndex(int):
    """An index that knows which draw of the run it is.

    Args:
        index (int): Index into the dataset.
        draw (int): Number of the draw, counted over all ranks from the start of the run.
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
    """mmengine's ``InfiniteSampler`` whose indices carry the number of the draw.

    The n-th index of a rank has ``draw = n * world_size + rank``. :class:`UDADataset` seeds the generators with it, so
    that a sample depends on the seed and the draw alone: not on the number of workers, nor on what was drawn before.
    A resumed run continues exactly after ``skip``.

    Args:
        dataset (Sized): The dataset.
        shuffle (bool): Whether each pass over the dataset has a new order.
        seed (int | None): Seed, the same on all ranks; the runner gives it.
    """

    def _indices_of_rank(self) -> Iterator[DrawIndex]:
        for position, index in enumerate(super()._indices_of_rank()):
            yield DrawIndex(index, draw=position * self.world_size + self.rank, seed=self.seed)
