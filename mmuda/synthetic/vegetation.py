"""Draws trees and hedges."""

import numpy as np

from .canvas import Canvas
from .materials import BUILDING, LOW_VEGETATION, TREE, reflectance
from .objects import Hedge, Tree
from .styles import Palette


def draw_tree(canvas: Canvas, tree: Tree, palette: Palette) -> None:
    """Draw a crown: a dome with lobes, lit by its slope. A tree whose stem would stand in a building is left out."""
    framed = canvas.frame(tree.x, tree.y, 0.0, tree.radius * 1.25, tree.radius * 1.25)
    if framed is None or canvas.label_at(tree.x, tree.y) == BUILDING:
        return
    window, dx, dy = framed
    leaf, blotch = canvas.textures['leaf'][window], canvas.textures['blotch'][window]
    distance = np.sqrt(dx**2 + dy**2) / tree.radius
    distance = distance * (1 + 0.1 * leaf + (0.04 if tree.conifer else 0.1) * blotch)
    dome = (1 - distance) if tree.conifer else np.sqrt(np.clip(1 - distance**2, 0, 1))
    height = tree.height * ((0.25 + 0.75 * dome) if tree.conifer else (0.6 + 0.4 * dome)) + 0.25 * leaf
    mask = (distance < 1) & (height > canvas.height[window])
    if min(mask.shape) < 2:
        return
    slope_y, slope_x = np.gradient(height, canvas.cell)
    canvas.height[window][mask] = height[mask]
    canvas.slope_x[window][mask] = np.clip(slope_x[mask], -1.3, 1.3)
    canvas.slope_y[window][mask] = np.clip(slope_y[mask], -1.3, 1.3)
    # Gaps between leaves are dark; the rim lies lower and gets less of the sky.
    texture = (1 + 0.22 * leaf) * (0.72 + 0.33 * dome)
    canvas.albedo[window][mask] = np.clip(texture[mask], 0.25, 2)[:, None] * crown_colour(tree, palette)
    canvas.label[window][mask] = TREE


def crown_colour(tree: Tree, palette: Palette) -> np.ndarray:
    """Mix two neighbours of the palette's crowns; conifers are darker."""
    crowns = reflectance(palette.crowns)
    position = tree.hue * (len(crowns) - 1)
    index = min(int(position), len(crowns) - 2)
    mixed = crowns[index] + (position - index) * (crowns[index + 1] - crowns[index])
    return mixed * (0.7 if tree.conifer else 1.0)


def draw_hedge(canvas: Canvas, hedge: Hedge, palette: Palette) -> None:
    """Draw a hedge with a ragged edge; it counts as low vegetation."""
    framed = canvas.frame(hedge.x, hedge.y, hedge.angle, hedge.length / 2, hedge.width)
    if framed is None:
        return
    window, along, across = framed
    leaf = canvas.textures['leaf'][window]
    ragged = hedge.width / 2 * (1 + 0.3 * leaf)
    mask = (np.abs(along) < hedge.length / 2) & (np.abs(across) < ragged)
    mask &= canvas.label[window] == LOW_VEGETATION
    canvas.height[window][mask] = hedge.height
    canvas.albedo[window][mask] = np.clip(1 + 0.25 * leaf[mask], 0.3, 2)[:, None] * reflectance(palette.hedge)
