"""Places objects on the street grid; the uses of blocks (``blocks.py``) are written with it."""

import math
from dataclasses import dataclass, field

import numpy as np

from .objects import Box, Building, Car, Fixture, Hedge, Patch, Plan, Tree, Wing
from .streets import StreetGrid
from .styles import Colour, DomainStyle

# Car colours are the same in every city.
CAR_COLOURS = (
    ((232, 232, 230), 0.27),
    ((46, 46, 50), 0.22),
    ((112, 114, 118), 0.19),
    ((172, 174, 178), 0.14),
    ((52, 76, 128), 0.08),
    ((150, 44, 40), 0.07),
    ((92, 100, 84), 0.03),
)
BOX_COLOURS = ((60, 96, 140), (150, 70, 50), (70, 110, 90), (190, 160, 80), (120, 90, 70), (176, 176, 172))


def choose(rng: np.random.Generator, options):
    """Pick from pairs (value, share) or a mapping of value to share; shares need not sum to one."""
    pairs = list(options.items() if hasattr(options, 'items') else options)
    shares = np.array([share for _, share in pairs], float)
    return pairs[int(rng.choice(len(pairs), p=shares / shares.sum()))][0]


@dataclass
class Planner:
    """Adds objects to a plan; places are given in grid coordinates (along, across the streets, metres).

    Args:
        rng: The generator that is drawn from.
        style: The domain.
        grid: The street network.
        extent: Width and height of the scene in metres; objects that lie outside are dropped.
        plan: What is built.
    """

    rng: np.random.Generator
    style: DomainStyle
    grid: StreetGrid
    extent: float
    plan: Plan = field(default_factory=Plan)

    def place(self, along: float, across: float, margin: float = 0) -> tuple[float, float, float] | None:
        """Ground coordinates and street direction; None further than ``margin`` metres outside the scene."""
        along, across = float(along), float(across)
        if not self.grid.reaches(along, across, self.extent * 0.71 + 1.5 * margin):
            return None
        x, y = self.grid.to_ground(along, across)
        if not (-margin < x < self.extent + margin and -margin < y < self.extent + margin):
            return None
        return x, y, self.grid.direction(along, across)

    def vary(self, colour: Colour, spread: float | None = None) -> Colour:
        """Brighten or darken a colour at random, and shift its bands a little."""
        spread = self.style.palette.variation if spread is None else spread
        factor = math.exp(self.rng.normal(0, spread))
        return tuple(float(np.clip(band * factor + self.rng.normal(0, 3), 4, 250)) for band in colour)

    def patch(self, along, across, length, width, material, turn=0.0, tint=0.0, round=False) -> None:
        """Cover ground; ``length`` runs along the street, turned by ``turn`` radians."""
        if spot := self.place(along, across, max(length, width)):
            x, y, angle = spot
            size = float(length), float(width)
            self.plan.patches.append(Patch(x, y, angle + turn, *size, material, float(tint), round))

    def building(self, along, across, wings, roof, eaves, pitch=0.5, turn=0.0, colour=None, fixtures=()) -> None:
        """Put up a building."""
        spot = self.place(along, across, 45)
        if not spot:
            return
        x, y, angle = spot
        palette = self.style.palette
        colour = colour or self.vary(choose(self.rng, palette.flat_roofs if roof == 'flat' else palette.roofs))
        # Plain floats: a numpy float64 would turn the float32 drawing into float64 and make it slow.
        wings = tuple(Wing(*map(float, wing)) for wing in wings)
        fixtures = tuple(Fixture(*map(float, item[:5]), item[5]) for item in fixtures)
        self.plan.buildings.append(Building(x, y, angle + turn, wings, roof, colour, eaves, pitch, fixtures))

    def car(self, along, across, turn=0.0, truck=0.06) -> None:
        """Put a car in the direction of the street, turned by ``turn`` radians; a share of them are trucks."""
        if spot := self.place(along, across, 10):
            x, y, angle = spot
            angle += turn + self.rng.normal(0, 0.03)
            if self.rng.random() < truck:
                size = self.rng.uniform(5.5, 8.5), 2.3, self.rng.uniform(2.3, 3.2)
                colour = self.vary((216, 216, 212), 0.1)
            else:
                size = self.rng.uniform(3.9, 4.9), self.rng.uniform(1.7, 1.95), 1.5
                colour = self.vary(choose(self.rng, CAR_COLOURS), 0.08)
            self.plan.cars.append(Car(x, y, angle, *size, colour))

    def tree(self, along, across, scale=1.0) -> None:
        """Plant a tree."""
        if spot := self.place(along, across, 10):
            form, rng = self.style.form, self.rng
            radius = scale * rng.uniform(*form.crown_radius)
            conifer = rng.random() < form.conifers
            radius *= 0.75 if conifer else 1.0
            height = min(radius * (4.2 if conifer else rng.uniform(1.9, 2.6)), 13.0)
            self.plan.trees.append(Tree(spot[0], spot[1], radius, height, conifer, float(rng.random())))

    def hedge(self, along, across, length, turn=0.0) -> None:
        """Plant a hedge."""
        if length > 1 and (spot := self.place(along, across, length)):
            x, y, angle = spot
            size = length, self.rng.uniform(0.7, 1.3), self.rng.uniform(0.8, 1.5)
            self.plan.hedges.append(Hedge(x, y, angle + turn, *size))

    def box(self, along, across, length, width, height, colour=None, turn=0.0) -> None:
        """Put down a piece of clutter."""
        if spot := self.place(along, across, length):
            x, y, angle = spot
            colour = self.vary(colour or BOX_COLOURS[int(self.rng.integers(len(BOX_COLOURS)))], 0.12)
            self.plan.boxes.append(Box(x, y, angle + turn, length, width, height, colour))
