"""What is known of one domain of a user's own rasters."""

from __future__ import annotations

from dataclasses import dataclass

from mmuda.apis.choose_bands import Ranges
from mmuda.apis.inspect_labels import Labels
from mmuda.apis.inspect_rasters import Images
from mmuda.datasets.raster.held_out import FEW
from mmuda.datasets.raster.info import RasterInfo

SHARE = 0.2
"""Share that is held out."""


@dataclass
class Domain:
    """What is known of a domain.

    Attributes:
        name: ``'source'`` or ``'target'``.
        images: Its images.
        labels: Its labels, if it has some.
        given: The ground sample distance that the user states, in metres per pixel.
        bands: The bands that are read.
        value_range: Values of them that become black and white; None for 8 bits.
    """

    name: str
    images: Images
    labels: Labels | None
    given: float | None
    bands: tuple[int, ...] = ()
    value_range: Ranges | None = None

    @property
    def gsd(self) -> float:
        return self.given or self.images.gsd

    @property
    def smallest(self) -> RasterInfo:
        """The raster that leaves the smallest crops for training."""
        return min((raster.resolved(self.given) for raster in self.images.rasters), key=self.side_of)

    def side_of(self, raster: RasterInfo) -> float:
        """Metres of ground of the largest crop that fits into what a raster leaves for training."""
        short, long = sorted(raster.shape)
        # A buffer of one crop lies between the crops and what is held out.
        return min(short, long if self.holds_out_rasters else long * (1 - SHARE) / 2) * raster.gsd

    @property
    def holds_out_rasters(self) -> bool:
        """Whether whole rasters are held out, not the end of each."""
        return len(self.images.rasters) >= FEW
