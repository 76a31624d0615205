"""What makes a domain: the city, its colours, the light and the sensor.

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
    """Everything that tells one domain from another.

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


SOURCE_STYLE = DomainStyle(
    name='source',
    palette=Palette(
        ground=dict(
            lawn=((88, 128, 58), (112, 150, 74)),
            meadow=((98, 132, 62), (132, 150, 82)),
            soil=((150, 122, 90), (128, 100, 72)),
            water=((42, 66, 74), (52, 80, 84)),
            pool=((84, 176, 196), (120, 200, 214)),
            court=((168, 92, 66), (150, 82, 60)),
            asphalt=((92, 92, 96), (112, 112, 114)),
            sidewalk=((158, 154, 148), (140, 138, 134)),
            kerb=((178, 176, 170), (166, 164, 160)),
            marking=((224, 224, 220), (208, 208, 204)),
            driveway=((146, 140, 134), (126, 122, 118)),
            parking=((84, 84, 88), (106, 106, 108)),
            gravel=((172, 162, 144), (152, 144, 128)),
        ),
        roofs=(
            ((164, 82, 60), 0.34),
            ((142, 70, 54), 0.2),
            ((180, 104, 74), 0.14),
            ((112, 80, 66), 0.14),
            ((104, 102, 104), 0.18),
        ),
        flat_roofs=(((150, 148, 144), 0.4), ((116, 114, 112), 0.3), ((182, 178, 170), 0.15), ((140, 84, 66), 0.15)),
        crowns=((44, 84, 38), (58, 102, 44), (74, 116, 50), (52, 90, 50)),
        hedge=(54, 92, 42),
    ),
    form=UrbanForm(
        block_length=(85, 130),
        block_depth=(58, 74),
        street_width=(7.0, 10.0),
        sidewalk=1.8,
        bend=9.0,
        land_use=dict(houses=0.56, slabs=0.12, commerce=0.14, park=0.1, yard=0.08),
        lot_width=(15, 21),
        house_length=(10, 14),
        house_width=(8, 10.5),
        setback=(4, 8),
        eaves=(3.2, 6.0),
        pitch=(0.6, 0.95),
        roof_kinds=dict(gable=0.68, hip=0.2, shed=0.02, flat=0.1),
        wing=0.35,
        storeys=(2, 4),
        trees_per_lot=2.2,
        street_trees=16,
        crown_radius=(1.8, 4.2),
        conifers=0.25,
        cars_per_100m=5.5,
        driveway=0.85,
        pool=0.1,
        paved_garden=0.08,
    ),
    light=Light(
        azimuth=(140, 165),
        elevation=(47, 56),
        sky=0.26,
        sun_colour=(1.0, 1.0, 0.98),
        sky_colour=(0.86, 0.98, 1.2),
        haze=0.03,
        haze_colour=(170, 190, 215),
    ),
    sensor=Sensor(
        gsd=1.0,
        oversampling=3,
        blur=0.45,
        read_noise=1.5,
        shot_noise=2.0,
        exposure=1.0,
        contrast=1.08,
        saturation=0.88,
        gain_jitter=0.03,
    ),
)

TARGET_STYLE = DomainStyle(
    name='target',
    palette=Palette(
        ground=dict(
            lawn=((138, 140, 84), (118, 130, 74)),
            meadow=((160, 150, 98), (128, 134, 78)),
            soil=((190, 158, 122), (166, 134, 100)),
            water=((72, 86, 72), (84, 96, 80)),
            pool=((110, 180, 180), (140, 200, 196)),
            court=((96, 128, 104), (88, 116, 96)),
            asphalt=((118, 116, 112), (138, 134, 126)),
            sidewalk=((184, 172, 154), (168, 156, 140)),
            kerb=((196, 188, 174), (182, 174, 162)),
            marking=((222, 216, 200), (204, 198, 184)),
            driveway=((176, 162, 144), (158, 146, 130)),
            parking=((110, 108, 104), (132, 128, 120)),
            gravel=((188, 172, 146), (170, 154, 130)),
        ),
        roofs=(
            ((126, 126, 130), 0.26),
            ((150, 148, 146), 0.18),
            ((98, 100, 108), 0.18),
            ((186, 182, 174), 0.12),
            ((164, 104, 80), 0.26),
        ),
        flat_roofs=(((196, 190, 178), 0.35), ((166, 162, 156), 0.3), ((132, 130, 128), 0.2), ((214, 210, 202), 0.15)),
        crowns=((70, 90, 50), (86, 102, 56), (102, 110, 62), (64, 84, 52)),
        hedge=(82, 98, 54),
    ),
    form=UrbanForm(
        block_length=(70, 100),
        block_depth=(52, 64),
        street_width=(5.5, 10.0),
        sidewalk=2.0,
        bend=2.5,
        land_use=dict(houses=0.5, slabs=0.18, commerce=0.1, park=0.13, yard=0.09),
        lot_width=(12, 17),
        house_length=(9.5, 14),
        house_width=(10, 14),
        setback=(1.5, 4),
        eaves=(3.5, 7.5),
        pitch=(0.3, 0.55),
        roof_kinds=dict(gable=0.22, hip=0.4, shed=0.08, flat=0.3),
        wing=0.5,
        storeys=(3, 5),
        trees_per_lot=1.9,
        street_trees=13,
        crown_radius=(1.4, 3.4),
        conifers=0.08,
        cars_per_100m=7.0,
        driveway=0.6,
        pool=0.15,
        paved_garden=0.3,
    ),
    light=Light(
        azimuth=(235, 255),
        elevation=(33, 40),
        sky=0.38,
        sun_colour=(1.05, 1.0, 0.9),
        sky_colour=(0.92, 0.98, 1.1),
        haze=0.08,
        haze_colour=(206, 196, 180),
    ),
    sensor=Sensor(
        gsd=0.3,
        oversampling=2,
        blur=0.6,
        read_noise=2.5,
        shot_noise=3.5,
        exposure=0.95,
        contrast=0.98,
        saturation=0.95,
        gain_jitter=0.03,
    ),
)

STYLES = {style.name: style for style in (SOURCE_STYLE, TARGET_STYLE)}
