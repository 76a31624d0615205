"""What a plan of a scene consists of. Places are metres from the scene's upper left corner, angles radians."""

from dataclasses import dataclass, field

from .styles import Colour


@dataclass(frozen=True)
class Patch:
    """A flat piece of ground: driveway, lawn of a lot, pool, parking slot's line; ``round`` makes it an ellipse."""

    x: float
    y: float
    angle: float
    length: float
    width: float
    material: str
    tint: float = 0.0
    round: bool = False


@dataclass(frozen=True)
class Wing:
    """A rectangular part of a building, in the building's own coordinates (metres)."""

    along: float
    across: float
    length: float
    width: float


@dataclass(frozen=True)
class Building:
    """A building of one or more wings under one kind of roof (``gable``, ``hip``, ``shed`` or ``flat``)."""

    x: float
    y: float
    angle: float
    wings: tuple[Wing, ...]
    roof: str
    colour: Colour
    eaves: float
    pitch: float
    fixtures: tuple['Fixture', ...] = ()


@dataclass(frozen=True)
class Fixture:
    """Something on a roof (chimney, skylight, solar panels, air conditioning), in the building's coordinates."""

    along: float
    across: float
    length: float
    width: float
    height: float
    colour: Colour


@dataclass(frozen=True)
class Tree:
    """A tree; ``hue`` (0 to 1) picks its colour from the palette's crowns."""

    x: float
    y: float
    radius: float
    height: float
    conifer: bool
    hue: float


@dataclass(frozen=True)
class Hedge:
    """A row of shrubs."""

    x: float
    y: float
    angle: float
    length: float
    width: float
    height: float


@dataclass(frozen=True)
class Box:
    """A piece of clutter with a height: container, bin, pile."""

    x: float
    y: float
    angle: float
    length: float
    width: float
    height: float
    colour: Colour


@dataclass(frozen=True)
class Car:
    """A car, van or truck."""

    x: float
    y: float
    angle: float
    length: float
    width: float
    height: float
    colour: Colour


@dataclass
class Plan:
    """Everything in a scene, in the order in which it is drawn.

    Args:
        block_materials: Ground material of each block of the street grid, row by row.
    """

    block_materials: list[str] = field(default_factory=list)
    patches: list[Patch] = field(default_factory=list)
    hedges: list[Hedge] = field(default_factory=list)
    boxes: list[Box] = field(default_factory=list)
    buildings: list[Building] = field(default_factory=list)
    cars: list[Car] = field(default_factory=list)
    trees: list[Tree] = field(default_factory=list)
