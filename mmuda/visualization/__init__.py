"""Pictures of images, truth and predictions, curves of logs, and rasters of predictions.

Imports ``datasets.raster``, ``structures`` and ``utils``.
"""

from mmuda.utils.palettes import colour_table, default_palette
from mmuda.visualization.colours import IGNORED_COLOUR, colour_labels, viewable
from mmuda.visualization.curves import plot_log, read_log
from mmuda.visualization.histograms import draw_histograms
from mmuda.visualization.label_raster import label_raster
from mmuda.visualization.panels import Panel, draw_panels
from mmuda.visualization.samples import at_ground_scale, draw_scale_bar, mark_missing, overlay_labels, scale_bar_length

__all__ = [
    'IGNORED_COLOUR',
    'Panel',
    'at_ground_scale',
    'colour_labels',
    'colour_table',
    'default_palette',
    'draw_histograms',
    'draw_panels',
    'draw_scale_bar',
    'label_raster',
    'mark_missing',
    'overlay_labels',
    'plot_log',
    'read_log',
    'scale_bar_length',
    'viewable',
]
