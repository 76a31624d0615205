"""Draws the ground of a scene: streets, blocks and patches, then their colours and texture."""

import cv2
import numpy as np

from .canvas import Canvas
from .materials import MATERIAL_IDS, MATERIALS, reflectance
from .objects import Patch, Plan
from .streets import StreetGrid
from .styles import Palette

KERB_WIDTH = 0.3
DASH, DASH_PERIOD, LINE = 3.0, 9.0, 0.2
ZEBRA_NEAR, ZEBRA_FAR, STRIPE = 1.2, 4.2, 1.1


def draw_ground(canvas: Canvas, grid: StreetGrid, plan: Plan, palette: Palette) -> None:
    """Fill the canvas' material, then its albedo and label."""
    draw_streets(canvas, grid, plan.block_materials)
    for patch in plan.patches:
        draw_patch(canvas, patch)
    colour_ground(canvas, palette)


def draw_streets(canvas: Canvas, grid: StreetGrid, block_materials: list[str]) -> None:
    """Lay the blocks' ground, and sidewalks, kerbs, asphalt and markings of the streets over it."""
    along, across = grid.to_grid(*canvas.coordinates())
    from_cross, cross = grid.cross_streets.nearest(along)
    from_long, long = grid.long_streets.nearest(across)
    # A cell belongs to the block after its nearest street if it lies on that side, else to the one before.
    columns, rows = len(grid.cross_streets.centres) - 1, len(grid.long_streets.centres) - 1
    column = np.clip(np.where(from_cross > 0, cross, cross - 1), 0, columns - 1)
    row = np.clip(np.where(from_long > 0, long, long - 1), 0, rows - 1)
    table = np.array([MATERIAL_IDS[name] for name in block_materials], np.uint8).reshape(rows, columns)
    canvas.material[:] = table[row, column]

    # Signed distance to the edge of the carriageway, negative on it.
    edge_cross = np.abs(from_cross) - (grid.cross_streets.widths / 2).astype(np.float32)[cross]
    edge_long = np.abs(from_long) - (grid.long_streets.widths / 2).astype(np.float32)[long]
    edge = np.minimum(edge_cross, edge_long)
    canvas.material[edge < grid.form.sidewalk] = MATERIAL_IDS['sidewalk']
    canvas.material[edge < KERB_WIDTH] = MATERIAL_IDS['kerb']
    canvas.material[edge < 0] = MATERIAL_IDS['asphalt']
    for offset, own, position, other in (
        (from_cross, edge_cross, across, edge_long),
        (from_long, edge_long, along, edge_cross),
    ):
        draw_markings(canvas.material, offset, own, position, other)


def draw_markings(material: np.ndarray, offset, edge, position, other) -> None:
    """Paint dashed centre lines and zebra crossings of the streets of one direction.

    Args:
        material: The canvas' material, changed in place.
        offset: Distance to the centre line of the nearest street of this direction in metres, signed.
        edge: Distance to the edge of its carriageway in metres, negative on it.
        position: Position along it in metres.
        other: Distance to the edge of the nearest crossing carriageway in metres.
    """
    marking = MATERIAL_IDS['marking']
    # The periodic part is computed only where it can matter; that is a small share of the cells.
    cells = np.nonzero((np.abs(offset) < LINE / 2) & (other > ZEBRA_FAR + 1))
    dashes = np.mod(position[cells], DASH_PERIOD) < DASH
    material[cells[0][dashes], cells[1][dashes]] = marking
    cells = np.nonzero((edge < -0.4) & (other > ZEBRA_NEAR) & (other < ZEBRA_FAR))
    stripes = np.mod(offset[cells], STRIPE) < STRIPE / 2
    material[cells[0][stripes], cells[1][stripes]] = marking


def draw_patch(canvas: Canvas, patch: Patch) -> None:
    """Cover a rectangle or an ellipse of ground with a material."""
    framed = canvas.frame(patch.x, patch.y, patch.angle, patch.length / 2, patch.width / 2)
    if framed is None:
        return
    window, along, across = framed
    along, across = along / (patch.length / 2), across / (patch.width / 2)
    if patch.round:
        inside = along**2 + across**2 < 1 + 0.15 * canvas.textures['blotch'][window]
    else:
        inside = (np.abs(along) <= 1) & (np.abs(across) <= 1)
    canvas.material[window][inside] = MATERIAL_IDS[patch.material]
    canvas.tint[window][inside] = patch.tint


def colour_ground(canvas: Canvas, palette: Palette) -> None:
    """Turn materials into albedo and labels: two colours mixed by slow noise, brightened by fine noise."""
    first, second = (reflectance([palette.ground[name][i] for name in MATERIALS]) for i in (0, 1))
    patches = np.array([item.patches for item in MATERIALS.values()], np.float32)
    grain = np.array([item.grain for item in MATERIALS.values()], np.float32)
    labels = np.array([item.label for item in MATERIALS.values()], np.uint8)
    material, textures = canvas.material, canvas.textures
    mix = 0.5 + canvas.tint + patches[material] * (0.6 * textures['broad'] + 0.5 * textures['blotch'])
    mix = np.clip(mix, -0.3, 1.3)
    bright = np.clip(1 + grain[material] * (0.7 * textures['leaf'] + 0.7 * textures['grain']), 0.3, 2)
    planes = [(first[:, b][material] + mix * (second - first)[:, b][material]) * bright for b in range(3)]
    cv2.merge(planes, dst=canvas.albedo)
    canvas.label[:] = labels[material]
