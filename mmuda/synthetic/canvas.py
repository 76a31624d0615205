"""The fine drawing of a scene: the material, class, height and slope of each cell."""

import numpy as np

from .noise import fractal_noise, smooth_noise


class Canvas:
    """A square of ground, drawn at a fraction of the sensor's pixel.

    All arrays are (cells, cells). The ground is x right and y down in metres from the upper left corner.

    Args:
        rng: Random generator for the textures.
        extent: Width and height in metres.
        cell: Size of a cell in metres.

    Attributes:
        material: Ground material (index into ``MATERIALS``).
        tint: Offset of the mix between the material's two colours, so that two lawns differ.
        albedo: Reflectance by band, (cells, cells, 3), 0 to 1.
        label: ISPRS class.
        height: Height above the ground in metres.
        slope_x: Rise of the surface along x (rise over run); ``slope_y`` along y.
        textures: Noise of unit variance by name: ``grain`` (cells), ``leaf`` (about 1 m), ``blotch`` (metres),
            ``broad`` (tens of metres).
    """

    def __init__(self, rng: np.random.Generator, extent: float, cell: float) -> None:
        self.extent, self.cell = extent, cell
        size = round(extent / cell)
        shape = (size, size)
        self.material = np.zeros(shape, np.uint8)
        self.tint = np.zeros(shape, np.float32)
        self.albedo = np.zeros((*shape, 3), np.float32)
        self.label = np.zeros(shape, np.uint8)
        self.height = np.zeros(shape, np.float32)
        self.slope_x = np.zeros(shape, np.float32)
        self.slope_y = np.zeros(shape, np.float32)
        self.textures = dict(
            grain=smooth_noise(rng, shape, 1),
            leaf=fractal_noise(rng, shape, 1.6 / cell, 0.4 / cell),
            blotch=fractal_noise(rng, shape, 6 / cell, 0.75 / cell),
            broad=fractal_noise(rng, shape, 60 / cell, 15 / cell),
        )

    def coordinates(self) -> tuple[np.ndarray, np.ndarray]:
        """Centres of all cells in metres: x (1, cells) and y (cells, 1), float32."""
        centres = (np.arange(self.material.shape[0], dtype=np.float32) + 0.5) * np.float32(self.cell)
        return centres[None, :], centres[:, None]

    def frame(self, x: float, y: float, angle: float, half_length: float, half_width: float):
        """Cut out the surroundings of an object.

        Args:
            x, y: Centre of the object in metres.
            angle: Direction of its length in radians from x towards y.
            half_length, half_width: Half of its size in metres.

        Returns:
            The window (two slices) and the object's own coordinates of its cells in metres, along its length and
            across; None if the object lies outside.
        """
        cosine, sine = np.cos(angle), np.sin(angle)
        reach_x = abs(cosine) * half_length + abs(sine) * half_width
        reach_y = abs(sine) * half_length + abs(cosine) * half_width
        size = self.material.shape[0]
        left, right = (int(np.clip((x + side * reach_x) / self.cell + side, 0, size)) for side in (-1, 1))
        top, bottom = (int(np.clip((y + side * reach_y) / self.cell + side, 0, size)) for side in (-1, 1))
        if right <= left or bottom <= top:
            return None
        dx = (np.arange(left, right, dtype=np.float32) + np.float32(0.5)) * np.float32(self.cell) - np.float32(x)
        dy = (np.arange(top, bottom, dtype=np.float32) + np.float32(0.5)) * np.float32(self.cell) - np.float32(y)
        cosine, sine = np.float32(cosine), np.float32(sine)
        along = cosine * dx[None, :] + sine * dy[:, None]
        across = cosine * dy[:, None] - sine * dx[None, :]
        return (slice(top, bottom), slice(left, right)), along, across

    def label_at(self, x: float, y: float) -> int:
        """Class at a place in metres; -1 outside."""
        row, col = int(y // self.cell), int(x // self.cell)
        size = self.label.shape[0]
        return int(self.label[row, col]) if 0 <= row < size and 0 <= col < size else -1
