"""The contents of a raster's header, and the pixel size that follows from them."""

from __future__ import annotations

from dataclasses import dataclass, replace

from mmuda.datasets.raster.geometry import is_square, side_of_square

MAP_TOLERANCE = 0.003
"""A map whose scale is off by less than this share, as in UTM and most national grids, keeps its round pixel size."""


@dataclass(frozen=True)
class RasterInfo:
    """The contents of a raster's header.

    Attributes:
        path (str): File name.
        height (int): Rows, in pixels.
        width (int): Columns, in pixels.
        count (int): Number of bands.
        dtype (str): Data type of the first band.
        driver (str): GDAL's short name of the format.
        gsd (float | None): True ground metres per pixel at the raster's centre; None if unknown.
        crs (str | None): Coordinate reference system, e.g. ``EPSG:3857``.
        transform (tuple[float, ...]): The six affine coefficients (a, b, c, d, e, f).
        ground_pixel (tuple[float, float] | None): Height and width of a pixel at the centre, in metres of ground.
        map_pixel (tuple[float, float] | None): Height and width of a pixel in metres of the map; None in degrees.
        control (str | None): What georeferences a raster without a transform: ``'ground control points'`` or
            ``'RPCs'``.
        local_unit (str | None): Unit of a local coordinate system, the only source of the pixel size there.
        meanings (tuple[str, ...]): Meaning of each band according to the file: ``'red'``, ``'gray'``, ``'palette'``,
            ``'alpha'``.
        names (tuple[str, ...]): Name of each band, see :func:`band_names`; '' where the file gives none.
    """

    path: str
    height: int
    width: int
    count: int
    dtype: str
    driver: str
    gsd: float | None
    crs: str | None
    transform: tuple[float, ...]
    ground_pixel: tuple[float, float] | None = None
    map_pixel: tuple[float, float] | None = None
    control: str | None = None
    local_unit: str | None = None
    meanings: tuple[str, ...] = ()
    names: tuple[str, ...] = ()

    @property
    def placed(self) -> bool:
        """Whether the raster has a geotransform."""
        return self.transform != (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)

    @property
    def square(self) -> bool:
        """Whether its pixels are square on the ground, or assumed to be."""
        return self.ground_pixel is None or is_square(self.ground_pixel)

    def resolved(self, gsd: float | None = None) -> RasterInfo:
        """The header with the pixel size that crops and resampling use in training, test and prediction.

        A map whose scale is true to ``MAP_TOLERANCE`` keeps its own pixel size. So all rasters of a UTM zone give crops
        of one size, although the scale varies within the zone.

        Args:
            gsd (float | None): Nominal metres per pixel, e.g. from a config; pixels are taken as squares of that size.

        Returns:
            RasterInfo: ``gsd`` and ``ground_pixel`` (equal sides if it is nearly square) replaced.
        """
        pixel = (gsd, gsd) if gsd is not None else self.ground_pixel
        if pixel is None:
            return self
        if gsd is None and self.map_pixel is not None:
            errors = [abs(own / true - 1) for own, true in zip(self.map_pixel, pixel, strict=True)]
            pixel = self.map_pixel if max(errors) < MAP_TOLERANCE else pixel
        side = pixel[0] if pixel[0] == pixel[1] else side_of_square(pixel)
        pixel = (side, side) if is_square(pixel) else pixel
        return replace(self, gsd=float(side), ground_pixel=pixel, local_unit=self.local_unit if gsd is None else None)

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns) in pixels."""
        return self.height, self.width
