"""Rare-class sampling (DAFormer, arXiv 2111.14887, section 3.3): rare classes are drawn more often than they occur."""

from __future__ import annotations

import logging

import numpy as np
from mmengine.logging import print_log

from mmuda.datasets.class_counts import class_counts, crop_step
from mmuda.datasets.raster.dataset import RasterDataset
from mmuda.utils.errors import UserError
from mmuda.utils.ranges import AMOUNT, NOT_NEGATIVE, POSITIVE, require_each


class RareClassSampling:
    """Draws samples of a labelled dataset by class instead of by item.

    A sample is drawn in four steps:

    1. A class c, with the probability P(c) = softmax((1 - f_c) / T) over the classes that occur, where f_c is the share
       of c among all labelled pixels of the dataset.
    2. A cell, uniformly among the cells that hold more than ``min_pixels`` of c. Cells are those of
       :func:`mmuda.datasets.class_counts.class_counts`: a raster is cut into the fewest equal cells that are not larger
       than a crop. If no cell holds as many, a cell is drawn with a probability proportional to its pixels of c.
    3. A crop whose centre lies in the cell, as far as the crop then fits into the raster.
    4. If the crop holds no more than ``min_pixels * min_crop_ratio`` of c, step 3 is repeated, up to ``tries`` times.
       The last crop is taken as it is.

    An image of the crop's size, or one that is read whole and cropped later, is one cell. With such images this is the
    procedure of the released code: a class, an image that holds enough of it, and crops until one does. A raster of any
    size counts as the crops that it has room for, so that a large raster is not drawn as seldom as a small one, and its
    crops lie where the class is.

    All pixels are those of the label raster: where the pipeline resamples a label, the crop's pixels of c are converted
    by area. Random choices come from numpy's global generator, which :class:`UDADataset` seeds for each draw.

    Args:
        dataset (RasterDataset): The dataset, its index loaded; its pipeline ends with packed samples that have labels.
        temperature (float): T; the smaller, the more often the rarest classes are drawn. 0.01 in DAFormer.
        min_pixels (int): See steps 2 and 4. The 3000 of DAFormer are 1.1 % of a crop of 512 x 512 px.
        min_crop_ratio (float): See step 4; 0 takes the first crop.
        tries (int): See step 4.

    Attributes:
        shares (np.ndarray): f_c, (K,) float64.
        probabilities (np.ndarray): P(c), (K,) float64; 0 for classes that do not occur.

    Raises:
        UserError: The dataset is not a :class:`RasterDataset` with labels, holds no labelled pixel, or a number is out
            of range.
    """

    def __init__(
        self,
        dataset: RasterDataset,
        temperature: float = 0.01,
        min_pixels: int = 3000,
        min_crop_ratio: float = 0.5,
        tries: int = 10,
    ) -> None:
        require_each(POSITIVE, self, temperature=temperature)
        require_each(AMOUNT, self, min_pixels=min_pixels, tries=tries)
        require_each(NOT_NEGATIVE, self, min_crop_ratio=min_crop_ratio)
        if not isinstance(dataset, RasterDataset):
            raise UserError(
                f'rare_classes counts the classes in label rasters, but the source is a {type(dataset).__name__}; give '
                'a RasterDataset, or leave rare_classes out.'
            )
        self.dataset = dataset
        self.min_pixels = min_pixels
        self.enough = min_pixels * min_crop_ratio
        self.tries = tries if min_crop_ratio > 0 else 0
        self.counts = class_counts(dataset)
        self.shares = self.counts.shares
        self.probabilities = class_probabilities(self.shares, temperature)
        if not self.probabilities.any():
            raise UserError(
                f'{type(dataset).__name__} has no labelled pixel, so no class can be drawn; check the labels.'
            )
        self._holding = [np.flatnonzero(pixels > min_pixels) for pixels in self.counts.pixels.T]
        self._chooses_crops = crop_step(dataset) is not None
        self._report()

    def __call__(self) -> dict:
        """Draw a sample.

        Returns:
            dict: The sample of the dataset's pipeline.
        """
        label = int(np.random.choice(len(self.probabilities), p=self.probabilities))
        cell = self._draw_cell(label)
        sample = self._crop(cell)
        for _ in range(self.tries):
            if _pixels_of(sample, label) > self.enough:
                break
            sample = self._crop(cell)
        return sample

    def _draw_cell(self, label: int) -> int:
        if len(self._holding[label]):
            return int(np.random.choice(self._holding[label]))
        pixels = self.counts.pixels[:, label]
        return int(np.random.choice(len(pixels), p=pixels / pixels.sum()))

    def _crop(self, cell: int) -> dict:
        info = self.dataset.get_data_info(int(self.counts.items[cell]))
        if self._chooses_crops:
            info['around'] = tuple(self.counts.cells[cell].tolist())
        return self.dataset.pipeline(info)

    def _report(self) -> None:
        names = self.dataset.metainfo['classes']
        found = ', '.join(
            f'{name} {100 * probability:.3g} % (has {100 * share:.3g} % of the pixels)'
            for name, probability, share in zip(names, self.probabilities, self.shares, strict=True)
        )
        print_log(f'rare-class sampling draws {found}', logger='current')
        few = [names[c] for c in np.flatnonzero(self.shares) if not len(self._holding[c])]
        if few:
            print_log(
                f'no crop of the source holds more than {self.min_pixels} px of {", ".join(few)}; crops of these are '
                'drawn by the pixels that they hold. Lower min_pixels of rare_classes if that is not wanted.',
                logger='current',
                level=logging.WARNING,
            )


def class_probabilities(shares: np.ndarray, temperature: float) -> np.ndarray:
    """P(c) = softmax((1 - f_c) / T) over the classes that occur.

    Args:
        shares (np.ndarray): f_c, (K,), each in [0, 1].
        temperature (float): T, above 0.

    Returns:
        np.ndarray: (K,) float64; 0 where f_c is 0.
    """
    occurs = shares > 0
    if not occurs.any():
        return np.zeros(len(shares))
    # The rarest class gets the exponent 0, so that nothing overflows.
    weights = np.where(occurs, np.exp((shares[occurs].min() - shares) / temperature), 0.0)
    return weights / weights.sum()


def _pixels_of(sample: dict, label: int) -> float:
    """Pixels of a class in a sample, in pixels of the raster."""
    data_sample = sample['data_samples']
    if 'gt_sem_seg' not in data_sample:
        raise UserError(
            f'The source sample {data_sample.metainfo.get("img_path")} has no label, which rare_classes needs; load it '
            'by LoadRasterWindow().'
        )
    labels = data_sample.gt_sem_seg.data
    window = data_sample.metainfo.get('window')
    area = labels.numel() if window is None else window[2] * window[3]
    return int((labels == label).sum()) * area / labels.numel()
