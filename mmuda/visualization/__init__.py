"""Pictures of images, truth and predictions, and rasters of predictions."""

from mmuda.visualization.colours import colour_labels, colour_table, default_palette, viewable
from mmuda.visualization.label_raster import NO_PREDICTION, label_raster
from mmuda.visualization.panels import Panel, draw_panels

__all__ = [
    'NO_PREDICTION',
    'Panel',
    'colour_labels',
    'colour_table',
    'default_palette',
    'draw_panels',
    'label_raster',
    'viewable',
]
