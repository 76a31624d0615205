"""Random textures: sums of smooth noise of several sizes."""

import cv2
import numpy as np


def smooth_noise(rng: np.random.Generator, shape: tuple[int, int], cell: float) -> np.ndarray:
    """Draw noise whose features have one size.

    Args:
        rng: The generator that is drawn from.
        shape: Height and width of the result in pixels.
        cell: Size of a feature in pixels; at or below one pixel the noise is white.

    Returns:
        Array (H, W) float32, mean about 0.
    """
    height, width = shape
    if cell <= 1:
        return rng.standard_normal(shape, dtype=np.float32)
    rows, cols = int(np.ceil(height / cell)) + 1, int(np.ceil(width / cell)) + 1
    coarse = rng.standard_normal((rows, cols), dtype=np.float32)
    size = (max(width, round(cols * cell)), max(height, round(rows * cell)))
    return cv2.resize(coarse, size, interpolation=cv2.INTER_CUBIC)[:height, :width]


def fractal_noise(
    rng: np.random.Generator, shape: tuple[int, int], largest: float, smallest: float, persistence: float = 0.6
) -> np.ndarray:
    """Sum noise of sizes that halve from ``largest`` to ``smallest``.

    Args:
        rng: The generator that is drawn from.
        shape: Height and width of the result in pixels.
        largest: Size of the largest features in pixels.
        smallest: Size below which no further octave is added, in pixels.
        persistence: Amplitude of an octave relative to the next larger one.

    Returns:
        Array (H, W) float32, mean 0 and standard deviation 1.
    """
    total = np.zeros(shape, np.float32)
    cell, amplitude = largest, 1.0
    while cell >= smallest:
        total += amplitude * smooth_noise(rng, shape, cell)
        cell, amplitude = cell / 2, amplitude * persistence
    total -= total.mean()
    return total / max(float(total.std()), 1e-6)
