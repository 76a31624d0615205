"""Pictures of images, truth and predictions."""

from mmuda.visualization.colours import colour_labels, colour_table, default_palette
from mmuda.visualization.panels import Panel, draw_panels

__all__ = ['Panel', 'colour_labels', 'colour_table', 'default_palette', 'draw_panels']
