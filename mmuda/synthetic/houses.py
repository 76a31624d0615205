"""Blocks of houses: rows of lots with house, driveway, garden, shed, pool, hedges and trees."""

import math

from .planner import Planner, choose
from .streets import Block

QUARTER = math.pi / 2


def plan_houses(planner: Planner, block: Block) -> str:
    """Fill a block with two rows of lots, back to back. Returns the ground material of the block."""
    form, rng = planner.style.form, planner.rng
    for front, side in ((block.across[0], 1), (block.across[1], -1)):
        start = block.along[0]
        while start + form.lot_width[0] <= block.along[1]:
            width = rng.uniform(*form.lot_width)
            if block.along[1] - start - width < form.lot_width[0]:
                width = min(block.along[1] - start, 1.4 * form.lot_width[1])
            if planner.place(start + width / 2, front + side * block.depth / 4, 25):
                Lot(planner, start, width, front, side, block.depth / 2).plan()
            start += width
    return 'lawn'


class Lot:
    """One lot.

    Args:
        planner: What adds the objects.
        start: Where the lot begins along the street in metres.
        width: Its frontage in metres.
        front: Position of its front across the streets in metres.
        side: 1 if the lot lies towards larger positions across, else -1.
        depth: Its depth in metres.
    """

    def __init__(self, planner: Planner, start: float, width: float, front: float, side: int, depth: float) -> None:
        self.planner, self.rng, self.form = planner, planner.rng, planner.style.form
        self.start, self.width, self.front, self.side, self.depth = start, width, front, side, depth

    def at(self, depth: float) -> float:
        """Position across the streets at a depth behind the lot's front."""
        return self.front + self.side * depth

    def plan(self) -> None:
        """Add everything on the lot."""
        rng, form = self.rng, self.form
        length = min(rng.uniform(*form.house_length), self.width - 2.0)
        house_width = min(rng.uniform(*form.house_width), self.depth * 0.6)
        setback = rng.uniform(*form.setback)
        room = self.width - length
        # The larger gap beside the house is where the driveway goes.
        centre = self.start + length / 2 + room * rng.uniform(0.6, 0.8)
        self._garden(setback)
        self._house(centre, setback + house_width / 2, length, house_width)
        self._paving(centre, setback, house_width, room)
        self._backyard(setback + house_width)
        self._plants(setback, setback + house_width)

    def _garden(self, setback: float) -> None:
        middle, tint = self.start + self.width / 2, self.rng.normal(0, 0.35)
        self.planner.patch(middle, self.at(self.depth / 2), self.width - 0.2, self.depth, 'lawn', tint=tint)
        if self.rng.random() < self.form.paved_garden:
            material = choose(self.rng, dict(driveway=0.5, gravel=0.35, soil=0.15))
            back = self.rng.random() < 0.5
            depth, size = (self.depth * 0.8, self.depth * 0.4) if back else (setback / 2, setback)
            self.planner.patch(middle, self.at(depth), self.width - 0.6, size, material, tint=tint)

    def _house(self, centre: float, depth: float, length: float, width: float) -> None:
        rng, form = self.rng, self.form
        roof = choose(rng, form.roof_kinds)
        if rng.random() < 0.25:
            length, width = width, length
        wings = [(0.0, 0.0, length, width)]
        if rng.random() < form.wing:
            # A narrower wing towards the garden, flush with one end of the house.
            across = rng.uniform(0.4, 0.55) * length
            end = (length - across) / 2 * rng.choice([-1, 1])
            reach = rng.uniform(2.5, 4.5)
            wings.append((end, self.side * (width / 2 + reach / 2 - width / 4), across, reach + width / 2))
        turn = rng.normal(0, 0.02)
        fixtures = self._flat_fixtures(length, width) if roof == 'flat' else self._roof_fixtures(length, width)
        eaves, pitch = rng.uniform(*form.eaves), rng.uniform(*form.pitch)
        self.planner.building(centre, self.at(depth), wings, roof, eaves, pitch, turn, fixtures=fixtures)

    def _roof_fixtures(self, length: float, width: float) -> list[tuple]:
        rng, items = self.rng, []
        if rng.random() < 0.6:
            items.append(
                (rng.uniform(-0.3, 0.3) * length, rng.uniform(-0.1, 0.1) * width, 0.8, 0.6, 1.2, (120, 86, 76))
            )
        for _ in range(rng.poisson(0.8)):
            place = rng.uniform(-0.3, 0.3) * length, rng.choice([-0.27, 0.27]) * width
            items.append((*place, 0.8, 1.1, 0.1, (62, 72, 84)))
        if rng.random() < 0.15:
            items.append((0.0, rng.choice([-0.25, 0.25]) * width, length * 0.4, width * 0.28, 0.12, (40, 48, 70)))
        return items

    def _flat_fixtures(self, length: float, width: float) -> list[tuple]:
        rng = self.rng
        places = rng.uniform(-0.32, 0.32, (rng.poisson(1.5), 2)) * (length, width)
        return [(*place, rng.uniform(0.8, 1.8), rng.uniform(0.8, 1.5), 0.9, (170, 170, 168)) for place in places]

    def _paving(self, centre: float, setback: float, house_width: float, room: float) -> None:
        rng, planner = self.rng, self.planner
        sidewalk = self.form.sidewalk
        door = setback + sidewalk + 0.5
        planner.patch(centre, self.at(door / 2 - sidewalk), door, 1.2, 'sidewalk', turn=QUARTER)
        if rng.random() < self.form.driveway:
            width = max(min(0.7 * room, 3.6), 2.6)
            length = setback + sidewalk + (house_width * 0.6 if room > 4 else 0)
            along = self.start + 0.3 + width / 2
            planner.patch(along, self.at(length / 2 - sidewalk), length, width, 'driveway', QUARTER, rng.normal(0, 0.3))
            if rng.random() < 0.55 and length > 5.5:
                planner.car(along, self.at(length - sidewalk - 3 - rng.uniform(0, 0.5)), QUARTER, truck=0)

    def _backyard(self, back: float) -> None:
        rng, planner = self.rng, self.planner
        room = self.depth - back
        middle = self.start + self.width / 2
        if rng.random() < 0.6:
            along = middle + rng.uniform(-2, 2)
            planner.patch(along, self.at(back + 1.5), rng.uniform(4, 7), 3.4, 'driveway', tint=rng.normal(0, 0.3))
        if room > 7 and rng.random() < self.form.pool:
            across = self.at(back + room / 2 + 1)
            planner.patch(middle, across, 8.5, 5.4, 'driveway')
            planner.patch(middle, across, 6.5, 3.4, 'pool', round=bool(rng.random() < 0.3))
        if room > 5 and rng.random() < 0.45:
            along = self.start + self.width * rng.choice([0.2, 0.8])
            size = rng.uniform(2.6, 4.2), rng.uniform(2.2, 3.2)
            planner.building(along, self.at(self.depth - 2.2), [(0, 0, *size)], choose(rng, dict(gable=2, flat=1)), 2.2)

    def _plants(self, setback: float, back: float) -> None:
        rng, planner, form = self.rng, self.planner, self.form
        if rng.random() < 0.5:
            planner.hedge(self.start, self.at((back + self.depth) / 2), self.depth - back, QUARTER)
        if rng.random() < 0.5:
            planner.hedge(self.start + self.width / 2, self.at(self.depth - 0.4), self.width)
        if rng.random() < 0.35:
            planner.hedge(self.start + self.width * 0.68, self.at(0.6), self.width * 0.5)
        for _ in range(rng.poisson(form.trees_per_lot)):
            front = rng.random() < 0.25
            depth = rng.uniform(1, max(setback - 1, 1.5)) if front else rng.uniform(back + 1.5, self.depth - 0.5)
            planner.tree(self.start + rng.uniform(0.05, 0.95) * self.width, self.at(depth), 0.65 if front else 1)
