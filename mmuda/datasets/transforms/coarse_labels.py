"""Loading labels that are coarser than their image."""

from mmcv.transforms import BaseTransform

from mmuda.datasets.raster.cells import NO_CELL, read_cells
from mmuda.datasets.raster.label_reading import classes_of, read_label
from mmuda.datasets.transforms.geometry import resize_label
from mmuda.datasets.transforms.ground_pixels import square_pixels
from mmuda.datasets.transforms.loading import window_of
from mmuda.registry import TRANSFORMS
from mmuda.structures import IGNORE_INDEX
from mmuda.utils.errors import UserError


@TRANSFORMS.register_module()
class LoadCoarseLabels(BaseTransform):
    """Read the coarse label under a window: each pixel's label and the index of its cell.

    The cells follow from the georeferences of both rasters by nearest neighbour, for any offset, ratio and projections.
    Place it after :class:`LoadRasterWindow` and before flips, which also flip the cells.

    Required keys: ``img_path``, ``window``, and the keys of :class:`CoarseLabelDataset` (``coarse_path``,
    ``coarse_lut``). Added keys: ``cells`` (H, W) int32, -1 where there is none; and ``gt_seg_map`` (H, W) uint8, 255 is
    ignored, or ``coarse_label`` likewise.

    Args:
        as_label (bool): True makes the coarse label the sample's label, for training; False adds it as ``coarse_label``
            next to the fine one, for validation.

    Raises:
        UserError: A raster has no georeference, or the label holds a value that is not a class.
    """

    reads_raster = True
    only_labels = True

    def __init__(self, as_label: bool = True) -> None:
        self.as_label = as_label

    def transform(self, results: dict) -> dict:
        """Read the cells.

        Args:
            results (dict): As above.

        Returns:
            dict: ``results`` with the added keys.
        """
        changed = results.get('flip') or results.get('quarter_turns')
        size = results['img'].shape[:2]
        if changed or size not in (tuple(results['window'][2:]), results.get('squared')):
            raise UserError(
                f'LoadCoarseLabels reads the window of {results["img_path"]} as it lies in the raster, but the image '
                'has been flipped, turned or resampled already; put it right behind LoadRasterWindow.'
            )
        cells, values, inside = read_cells(results['img_path'], results['coarse_path'], results['window'])
        label = classes_of(values, inside, results['coarse_lut'], results['coarse_path'])
        if 'no_data' in results:
            label[results['no_data'] > 0] = IGNORE_INDEX
        cells[label == IGNORE_INDEX] = NO_CELL
        results['cells'] = cells
        name = 'gt_seg_map' if self.as_label else 'coarse_label'
        results[name] = label
        if self.as_label:
            results['seg_map_path'] = results['coarse_path']
        if results.get('squared') and results.get('label_follows'):
            for key in (name, 'cells'):
                results[key] = resize_label(results[key], results['squared'])
        fields = results.setdefault('seg_fields', [])
        fields.extend(key for key in (name, 'cells') if key not in fields)
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(as_label={self.as_label})'


@TRANSFORMS.register_module()
class LoadLabelWindow(BaseTransform):
    """Read a window of a label map that has no image (:class:`LabelMapDataset`).

    Required keys: ``img_path`` (the label's path), ``window``, ``label_lut``. Added keys: ``gt_seg_map`` (H, W) uint8,
    ``img_shape``, ``ori_shape``. Pixels that are not square on the ground become square.
    """

    reads_raster = True
    only_labels = True

    def transform(self, results: dict) -> dict:
        """Read the window.

        Args:
            results (dict): As above.

        Returns:
            dict: ``results`` with the added keys.
        """
        window = results['window'] = window_of(results)
        label = results['gt_seg_map'] = read_label(results['img_path'], window, results['label_lut'])
        results['img_shape'] = results['ori_shape'] = label.shape
        results['seg_fields'] = ['gt_seg_map']
        results.update(label_follows=True, grid_follows=False)
        square_pixels(results)
        return results
