"""Draws what stands on the ground: buildings with their roofs, boxes and cars."""

import numpy as np

from .canvas import Canvas
from .materials import BUILDING, CAR, CLUTTER, reflectance
from .objects import Box, Building, Car, Wing

PARAPET_WIDTH, PARAPET_HEIGHT = 0.4, 0.7
TILE_COURSE = 0.9
RIDGE = 0.2


def wing_surface(wing: Wing, roof: str, pitch: float, along: np.ndarray, across: np.ndarray):
    """Shape of a wing's roof above the eaves.

    Args:
        wing: The wing.
        roof: ``gable``, ``hip``, ``shed`` or ``flat``.
        pitch: Rise over run.
        along, across: Building coordinates of the cells in metres.

    Returns:
        Mask of the wing, rise above the eaves (m), slope along and across, distance to the ridge (m), and distance
        to the nearest eave (m); all of the shape of ``along``.
    """
    x, y = along - wing.along, across - wing.across
    to_end, to_side = wing.length / 2 - np.abs(x), wing.width / 2 - np.abs(y)
    inside = (to_end > 0) & (to_side > 0)
    zero = np.zeros_like(x)
    to_eave = np.minimum(to_end, to_side)
    if roof == 'flat':
        rise = np.where(to_eave < PARAPET_WIDTH, np.float32(PARAPET_HEIGHT), zero)
        return inside, rise, zero, zero, zero + 9, to_eave
    if roof == 'shed':
        return inside, pitch * 0.5 * (y + wing.width / 2), zero, zero + 0.5 * pitch, zero + 9, to_eave
    if wing.length < wing.width:
        # The ridge follows the longer side.
        turned = Wing(wing.across, wing.along, wing.width, wing.length)
        inside, rise, slope_across, slope_along, ridge, eave = wing_surface(turned, roof, pitch, across, along)
        return inside, rise, slope_along, slope_across, ridge, eave
    ends = (to_end < to_side) if roof == 'hip' else np.zeros(x.shape, bool)
    rise = pitch * np.where(ends, to_end, to_side)
    slope_along = np.where(ends, -np.sign(x) * np.float32(pitch), zero)
    slope_across = np.where(ends, zero, -np.sign(y) * np.float32(pitch))
    ridge = np.minimum(np.abs(y), np.abs(to_end - to_side)) if roof == 'hip' else np.abs(y)
    return inside, rise, slope_along, slope_across, ridge, to_eave


def draw_building(canvas: Canvas, building: Building) -> None:
    """Draw a building; where wings meet, the higher roof is seen."""
    half_length = max(abs(wing.along) + wing.length / 2 for wing in building.wings)
    half_width = max(abs(wing.across) + wing.width / 2 for wing in building.wings)
    framed = canvas.frame(building.x, building.y, building.angle, half_length, half_width)
    if framed is None:
        return
    window, along, across = framed
    zero = np.zeros_like(along)
    top, slope_along, slope_across, shade = zero - 1, zero.copy(), zero.copy(), zero + 1
    for wing in building.wings:
        inside, rise, dip_along, dip_across, ridge, eave = wing_surface(
            wing, building.roof, building.pitch, along, across
        )
        seen = inside & (rise > top)
        top = np.where(seen, rise, top)
        slope_along = np.where(seen, dip_along, slope_along)
        slope_across = np.where(seen, dip_across, slope_across)
        shade = np.where(seen, roof_pattern(building.roof, ridge, eave), shade)
    mask = top >= 0
    textures = canvas.textures
    shade = shade * (1 + 0.06 * textures['blotch'][window] + 0.05 * textures['leaf'][window])
    shade *= 1 + 0.03 * textures['grain'][window]
    put_surface(canvas, window, mask, building.angle, building.eaves + top, slope_along, slope_across)
    canvas.albedo[window][mask] = shade[mask][:, None] * reflectance(building.colour)
    canvas.label[window][mask] = BUILDING
    draw_fixtures(canvas, window, mask, building, along, across)


def roof_pattern(roof: str, ridge: np.ndarray, eave: np.ndarray) -> np.ndarray:
    """Brightness of a roof: courses of tiles, a light ridge and dark gutters; a flat roof has a light parapet."""
    if roof == 'flat':
        return np.where(eave < PARAPET_WIDTH, 1.25, np.where(eave < 2 * PARAPET_WIDTH, 0.9, 1.0)).astype(np.float32)
    pattern = 1 + 0.06 * np.sin(2 * np.pi / TILE_COURSE * eave)
    pattern = np.where(ridge < RIDGE, pattern * 1.18, pattern)
    return np.where(eave < RIDGE, pattern * 0.75, pattern)


def put_surface(canvas: Canvas, window, mask, angle: float, height, slope_along, slope_across) -> None:
    """Set height and slope of the masked cells, the slopes turned from the object's axes to the ground's."""
    cosine, sine = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    canvas.height[window][mask] = height[mask]
    canvas.slope_x[window][mask] = (cosine * slope_along - sine * slope_across)[mask]
    canvas.slope_y[window][mask] = (sine * slope_along + cosine * slope_across)[mask]


def draw_fixtures(canvas: Canvas, window, mask, building: Building, along: np.ndarray, across: np.ndarray) -> None:
    """Put chimneys, skylights and equipment on the roof that has been drawn."""
    for item in building.fixtures:
        inside = mask & (np.abs(along - item.along) < item.length / 2) & (np.abs(across - item.across) < item.width / 2)
        canvas.height[window][inside] += item.height
        canvas.albedo[window][inside] = reflectance(item.colour)


def draw_box(canvas: Canvas, box: Box) -> None:
    """Draw a container, bin or pile."""
    framed = canvas.frame(box.x, box.y, box.angle, box.length / 2, box.width / 2)
    if framed is None:
        return
    window, along, across = framed
    mask = (np.abs(along) < box.length / 2) & (np.abs(across) < box.width / 2)
    flat = np.zeros_like(along)
    put_surface(canvas, window, mask, box.angle, flat + box.height, flat, flat)
    texture = 1 + 0.12 * canvas.textures['leaf'][window]
    canvas.albedo[window][mask] = texture[mask][:, None] * reflectance(box.colour)
    canvas.label[window][mask] = CLUTTER


def draw_car(canvas: Canvas, car: Car) -> None:
    """Draw a car with windows, unless something stands where it would be."""
    framed = canvas.frame(car.x, car.y, car.angle, car.length / 2, car.width / 2)
    if framed is None:
        return
    window, along, across = framed
    along, across = along / (car.length / 2), across / (car.width / 2)
    mask = along**6 + across**4 < 1
    if (canvas.height[window][mask] > 0.3).any():
        return
    flat = np.zeros_like(along)
    truck = car.height > 2
    cabin = (along > -0.62) & (along < 0.25)
    height = flat + car.height * (1 if truck else np.where(cabin, 1, 0.65).astype(np.float32))
    colour = np.broadcast_to(reflectance(car.colour), (*mask.shape, 3)).copy()
    if truck:
        glass = (along > 0.62) & (along < 0.74)
    else:
        glass = ((along > 0.2) & (along < 0.48)) | ((along > -0.85) & (along < -0.66))
        glass |= cabin & (np.abs(across) > 0.72)
    colour[glass] = reflectance((38, 44, 52))
    put_surface(canvas, window, mask, car.angle, height, flat, flat)
    canvas.albedo[window][mask] = colour[mask]
    canvas.label[window][mask] = CAR
