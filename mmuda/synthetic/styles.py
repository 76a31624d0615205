"""The parts of a domain: the city, its colours, the light and the sensor.

Colours are display RGB (0 to 255) as a person would name them on a clear day in full sun; the renderer converts them
to reflectances. Pairs of numbers are the ends of a uniform distribution.
"""

from collections.abc import Mapping
from dataclasses import dataclass

Range = tuple[float, float]
Colour = tuple[float, float, float]


@dataclass(frozen=True)
class Palette:
    """Colours of a domain. A ground material is a pair of colours that its texture mixes.

    Args:
        ground: Material name (see ``materials.py``) to the two colours of its texture.
        roofs: Roof colours with their shares, for pitched roofs.
        flat_roofs: Roof colours with their shares, for flat roofs.
        crowns: Colours of tree crowns; each tree mixes two neighbours of the list.
        hedge: Colour of hedges and shrubs.
        variation: Standard deviation of the brightness of objects of one kind, as a fraction.
    """

    ground: Mapping[str, tuple[Colour, Colour]]
    roofs: tuple[tuple[Colour, float], ...]
    flat_roofs: tuple[tuple[Colour, float], ...]
    crowns: tuple[Colour, ...]
    hedge: Colour
    variation: float = 0.1


@dataclass(frozen=True)
class UrbanForm:
    """Building style and density.

    Args:
        block_length: Distance between cross streets in metres.
        block_depth: Distance between streets in metres.
        street_width: Kerb to kerb in metres.
        sidewalk: Width of the sidewalk in metres.
        bend: Amplitude of the bends of streets in metres.
        land_use: Use of a block (``houses``, ``slabs``, ``commerce``, ``park``, ``yard``) to its share.
        lot_width: Frontage of a house's lot in metres.
        house_length: Length of a house in metres, along the street.
        house_width: Depth of a house in metres.
        setback: Distance from sidewalk to house in metres.
        eaves: Height of the eaves of houses in metres.
        pitch: Slope of pitched roofs (rise over run).
        roof_kinds: Kind of house roof (``gable``, ``hip``, ``shed``, ``flat``) to its share.
        wing: Share of houses with a second wing.
        storeys: Storeys of slabs and commercial buildings.
        trees_per_lot: Mean number of trees in a lot.
        street_trees: Distance between street trees in metres.
        crown_radius: Radius of tree crowns in metres.
        conifers: Share of conifers among the trees.
        cars_per_100m: Mean number of cars on 100 m of street, driving or parked at the kerb.
        driveway: Share of lots with a paved driveway.
        pool: Share of lots with a pool.
        paved_garden: Share of lots whose garden is paved or bare.
    """

    block_length: Range
    block_depth: Range
    street_width: Range
    sidewalk: float
    bend: float
    land_use: Mapping[str, float]
    lot_width: Range
    house_length: Range
    house_width: Range
    setback: Range
    eaves: Range
    pitch: Range
    roof_kinds: Mapping[str, float]
    wing: float
    storeys: Range
    trees_per_lot: float
    street_trees: float
    crown_radius: Range
    conifers: float
    cars_per_100m: float
    driveway: float
    pool: float
    paved_garden: float


@dataclass(frozen=True)
class Light:
    """Sun, sky and haze of an acquisition.

    Args:
        azimuth: Direction of the sun in degrees clockwise from north; drawn for each scene.
        elevation: Height of the sun above the horizon in degrees; drawn for each scene.
        sky: Share of the light on a horizontal surface that comes from the sky, not from the sun.
        sun_colour: Relative strength of the sun by band (R, G, B).
        sky_colour: Relative strength of the sky by band.
        haze: Share of the signal that is path radiance (0 clear, 1 opaque).
        haze_colour: Display RGB of the haze.
    """

    azimuth: Range
    elevation: Range
    sky: float
    sun_colour: Colour
    sky_colour: Colour
    haze: float
    haze_colour: Colour


@dataclass(frozen=True)
class Sensor:
    """Resolution, sharpness and response of the sensor.

    Args:
        gsd: Ground sample distance in metres.
        oversampling: Cells of the fine drawing along one pixel.
        blur: Standard deviation of the point spread function in pixels.
        read_noise: Standard deviation of the noise in the dark, in grey levels of 255.
        shot_noise: Standard deviation of the added noise at white, in grey levels of 255.
        exposure: Factor on the signal.
        contrast: Factor on the distance from mid-grey, on the display scale.
        saturation: Factor on the distance from grey.
        gain_jitter: Standard deviation of the gain of a band from scene to scene.
    """

    gsd: float
    oversampling: int
    blur: float
    read_noise: float
    shot_noise: float
    exposure: float
    contrast: float
    saturation: float
    gain_jitter: float


@dataclass(frozen=True)
class DomainStyle:
    """Everything that distinguishes one domain from another.

    Args:
        name: Name of the domain, also its folder and the first entropy of its seeds.
        palette: Colours.
        form: Building style and density.
        light: Illumination.
        sensor: Resolution and response.
    """

    name: str
    palette: Palette
    form: UrbanForm
    light: Light
    sensor: Sensor
