"""Pictures of images, truth and predictions, curves of logs, and rasters of predictions.

Imports ``datasets.raster``, ``structures`` and ``utils``.
"""

from mmuda.visualization.colours import IGNORED_COLOUR, colour_labels, colour_table, default_palette, viewable
from mmuda.visualization.curves import plot_log, read_log
from mmuda.visualization.label_raster import label_raster
from mmuda.visualization.panels import Panel, draw_panels

__all__ = [
    'IGNORED_COLOUR',
    'Panel',
    'colour_labels',
    'colour_table',
    'default_palette',
    'draw_panels',
    'label_raster',
    'plot_log',
    'read_log',
    'viewable',
]
