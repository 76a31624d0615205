"""Classes of the labels and the materials that the ground is made of."""

from dataclasses import dataclass

import numpy as np

ISPRS_CLASSES = ('impervious', 'building', 'low_vegetation', 'tree', 'car', 'clutter')
ISPRS_PALETTE = [[255, 255, 255], [0, 0, 255], [0, 255, 255], [0, 255, 0], [255, 255, 0], [255, 0, 0]]
IMPERVIOUS, BUILDING, LOW_VEGETATION, TREE, CAR, CLUTTER = range(6)


@dataclass(frozen=True)
class Material:
    """A ground cover.

    Args:
        label: ISPRS class.
        patches: Strength of the slow mix between its two colours (features of metres).
        grain: Standard deviation of its fine brightness texture, as a fraction.
    """

    label: int
    patches: float
    grain: float


MATERIALS = dict(
    lawn=Material(LOW_VEGETATION, 0.35, 0.09),
    meadow=Material(LOW_VEGETATION, 0.55, 0.14),
    soil=Material(CLUTTER, 0.5, 0.12),
    water=Material(CLUTTER, 0.25, 0.02),
    pool=Material(CLUTTER, 0.3, 0.03),
    court=Material(CLUTTER, 0.2, 0.03),
    asphalt=Material(IMPERVIOUS, 0.4, 0.05),
    sidewalk=Material(IMPERVIOUS, 0.4, 0.05),
    kerb=Material(IMPERVIOUS, 0.3, 0.04),
    marking=Material(IMPERVIOUS, 0.4, 0.06),
    driveway=Material(IMPERVIOUS, 0.4, 0.06),
    parking=Material(IMPERVIOUS, 0.45, 0.05),
    gravel=Material(IMPERVIOUS, 0.4, 0.09),
)
MATERIAL_IDS = {name: index for index, name in enumerate(MATERIALS)}


def reflectance(colour) -> np.ndarray:
    """Turn display RGB (0 to 255) into linear reflectance (0 to 1): the display's response is a square root."""
    return (np.asarray(colour, np.float32) / 255) ** 2
