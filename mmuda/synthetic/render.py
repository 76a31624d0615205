"""Turns a drawn scene into what the sensor records: shadows, light, haze, blur, resampling, noise."""

import math

import cv2
import numpy as np

from .canvas import Canvas
from .ground import draw_ground
from .materials import ISPRS_CLASSES
from .scene import plan_scene
from .structures import draw_box, draw_building, draw_car
from .styles import DomainStyle, Light, Sensor
from .vegetation import draw_hedge, draw_tree

# Ground drawn around the scene, so that shadows of what stands outside fall into it.
MARGIN = 18.0
SHADOW_STEP = 0.5


def render_scene(rng: np.random.Generator, style: DomainStyle, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Make one scene.

    Args:
        rng: The generator that everything is drawn from.
        style: The domain.
        size: Height and width of the result in pixels of the sensor.

    Returns:
        Image (size, size, 3) uint8 in RGB and ISPRS label (size, size) uint8 on the same grid.
    """
    sensor = style.sensor
    cell = sensor.gsd / sensor.oversampling
    border = int(np.ceil(MARGIN / sensor.gsd))
    extent = (size + 2 * border) * sensor.gsd
    canvas = draw_scene(rng, style, extent, cell)
    radiance = illuminate(rng, canvas, style.light)
    image = record(rng, radiance, style)
    label = majority(canvas.label, sensor.oversampling)
    inner = slice(border, border + size)
    return np.ascontiguousarray(image[inner, inner]), np.ascontiguousarray(label[inner, inner])


def draw_scene(rng: np.random.Generator, style: DomainStyle, extent: float, cell: float) -> Canvas:
    """Plan a scene and draw it on a canvas of ``extent`` metres with cells of ``cell`` metres."""
    grid, plan = plan_scene(rng, style, extent)
    canvas = Canvas(rng, extent, cell)
    palette = style.palette
    draw_ground(canvas, grid, plan, palette)
    for hedge in plan.hedges:
        draw_hedge(canvas, hedge, palette)
    for box in plan.boxes:
        draw_box(canvas, box)
    for building in plan.buildings:
        draw_building(canvas, building)
    for car in plan.cars:
        draw_car(canvas, car)
    for tree in plan.trees:
        draw_tree(canvas, tree, palette)
    return canvas


def cast_shadows(height: np.ndarray, cell: float, sun_x: float, sun_y: float, tangent: float) -> np.ndarray:
    """Find the cells that the sun does not reach.

    A cell is in shadow if, going towards the sun, something rises above the ray.

    Args:
        height: Height above the ground in metres, (H, W).
        cell: Size of a cell in metres.
        sun_x, sun_y: Unit vector towards the sun on the ground (x right, y down).
        tangent: Tangent of the sun's elevation.

    Returns:
        Array (H, W) of 0 (lit) and 1 (shadow), float32.
    """
    rows, cols = height.shape
    blocker = np.zeros_like(height)
    reach = float(height.max()) / tangent
    for distance in np.arange(SHADOW_STEP, reach, SHADOW_STEP):
        dx, dy = round(distance * sun_x / cell), round(distance * sun_y / cell)
        here = slice(max(0, -dy), rows - max(0, dy)), slice(max(0, -dx), cols - max(0, dx))
        there = slice(max(0, dy), rows + min(0, dy)), slice(max(0, dx), cols + min(0, dx))
        np.maximum(blocker[here], height[there] - np.float32(distance * tangent), out=blocker[here])
    return (blocker > height + 0.1).astype(np.float32)


def illuminate(rng: np.random.Generator, canvas: Canvas, light: Light) -> np.ndarray:
    """Light the scene with sun and sky. Returns radiance (cells, cells, 3) float32, 1 for a white lit ground."""
    azimuth, elevation = math.radians(rng.uniform(*light.azimuth)), math.radians(rng.uniform(*light.elevation))
    sun_x, sun_y, sun_z = math.sin(azimuth), -math.cos(azimuth), math.tan(elevation)
    shadow = cast_shadows(canvas.height, canvas.cell, sun_x, sun_y, sun_z)
    shadow = cv2.GaussianBlur(shadow, (0, 0), 0.2 / canvas.cell)
    # Lambert's law relative to level ground: the surface normal is (-slope_x, -slope_y, 1), normalised.
    facing = 1 - (canvas.slope_x * sun_x + canvas.slope_y * sun_y) / sun_z
    facing /= np.sqrt(1 + canvas.slope_x**2 + canvas.slope_y**2)
    sun = (1 - light.sky) * np.clip(facing, 0, None) * (1 - shadow)
    # Cells lower than their surroundings see less of the sky.
    sunk = cv2.GaussianBlur(canvas.height, (0, 0), 1.5 / canvas.cell) - canvas.height
    sky = light.sky * (1 - 0.4 * np.clip(sunk / 5, 0, 1))
    planes = [sun * light.sun_colour[band] + sky * light.sky_colour[band] for band in range(3)]
    return cv2.multiply(cv2.merge(planes), canvas.albedo)


def record(rng: np.random.Generator, radiance: np.ndarray, style: DomainStyle) -> np.ndarray:
    """Pass radiance through haze and sensor. Returns (H, W, 3) uint8 at the sensor's resolution."""
    sensor, light = style.sensor, style.light
    factor = sensor.oversampling
    radiance = cv2.GaussianBlur(radiance, (0, 0), sensor.blur * factor)
    size = radiance.shape[1] // factor, radiance.shape[0] // factor
    signal = cv2.resize(radiance, size, interpolation=cv2.INTER_AREA)
    haze = light.haze * rng.uniform(0.8, 1.2)
    path = (np.asarray(light.haze_colour, np.float32) / 255) ** 2
    signal = (1 - haze) * signal + haze * path
    gains = np.exp(rng.normal(0, sensor.gain_jitter, 3)).astype(np.float32)
    display = 255 * np.sqrt(np.clip(signal * gains * sensor.exposure, 0, None))
    return quantise(rng, display, sensor)


def quantise(rng: np.random.Generator, display: np.ndarray, sensor: Sensor) -> np.ndarray:
    """Apply the sensor's colour response and noise, and round to uint8."""
    grey = display.mean(-1, keepdims=True)
    display = grey + sensor.saturation * (display - grey)
    display = 110 + sensor.contrast * (display - 110)
    spread = sensor.read_noise + sensor.shot_noise * np.sqrt(np.clip(display / 255, 0, 1))
    display = display + spread * rng.standard_normal(display.shape, dtype=np.float32)
    return np.clip(np.rint(display), 0, 255).astype(np.uint8)


def majority(label: np.ndarray, factor: int) -> np.ndarray:
    """Reduce a label by giving each pixel the class of most of its cells.

    Args:
        label: Class indices (H, W) uint8; H and W are multiples of ``factor``.
        factor: Cells along one pixel.

    Returns:
        Array (H / factor, W / factor) uint8; the rarer, later class wins a tie.
    """
    size = label.shape[1] // factor, label.shape[0] // factor
    classes = range(len(ISPRS_CLASSES))
    shares = [cv2.resize((label == index).astype(np.float32), size, interpolation=cv2.INTER_AREA) for index in classes]
    return (len(shares) - 1 - np.argmax(np.rint(np.stack(shares[::-1]) * factor**2), 0)).astype(np.uint8)
