"""Uses of a block other than houses: apartment slabs, commerce with parking, parks and yards."""

import math

from .houses import plan_houses
from .planner import Planner
from .streets import Block

QUARTER = math.pi / 2
SLOT_LENGTH, SLOT_WIDTH, AISLE = 5.0, 2.6, 6.0


def plan_parking(planner: Planner, along: tuple[float, float], across: tuple[float, float], occupied: float) -> None:
    """Fill a rectangle with parking: rows of slots on both sides of aisles, along the street."""
    length, depth = along[1] - along[0], across[1] - across[0]
    middle, unit = (along[0] + along[1]) / 2, 2 * SLOT_LENGTH + AISLE
    planner.patch(middle, (across[0] + across[1]) / 2, length, depth, 'parking', tint=planner.rng.normal(0, 0.2))
    for row in range(int((depth + 0.01) // unit)):
        for shift in (SLOT_LENGTH / 2, unit - SLOT_LENGTH / 2):
            centre = across[0] + row * unit + shift
            for slot in range(int(length // SLOT_WIDTH)):
                start = along[0] + slot * SLOT_WIDTH
                planner.patch(start, centre, SLOT_LENGTH, 0.14, 'marking', QUARTER)
                if planner.rng.random() < occupied and start + SLOT_WIDTH <= along[1]:
                    jitter = planner.rng.normal(0, 0.25)
                    planner.car(start + SLOT_WIDTH / 2, centre + jitter, QUARTER, truck=0.01)


def plan_slabs(planner: Planner, block: Block) -> str:
    """Rows of apartment slabs between lawns, with parking along one street."""
    rng, form = planner.rng, planner.style.form
    parking = 2 * SLOT_LENGTH + AISLE
    plan_parking(planner, block.along, (block.across[0], block.across[0] + parking), rng.uniform(0.4, 0.75))
    width = rng.uniform(11, 13.5)
    first = block.across[0] + parking + 4 + width / 2
    rows = max(1, int((block.across[1] - first) // (width + 12)) + 1)
    roof = 'flat' if rng.random() < 0.7 else 'hip'
    start = block.along[0] + 3
    while block.along[1] - start > 20:
        length = min(rng.uniform(24, 40), block.along[1] - start - 3)
        for row in range(rows):
            across = first + row * (width + 12)
            if across + width / 2 > block.across[1] - 1:
                continue
            eaves = 3.0 * rng.uniform(*form.storeys)
            items = roof_equipment(planner, length, width) if roof == 'flat' else ()
            planner.building(start + length / 2, across, [(0, 0, length, width)], roof, eaves, 0.35, fixtures=items)
            planner.patch(start + length / 2, across - width / 2 - 1.5, length, 1.6, 'sidewalk')
        start += length + rng.uniform(8, 14)
    scatter_trees(planner, block, 0.004, keep_from=parking)
    for _ in range(rng.poisson(1.5)):
        along, across = block.along[0] + rng.uniform(0.1, 0.9) * block.length, block.across[1] - rng.uniform(3, 7)
        planner.patch(along, across, rng.uniform(6, 12), rng.uniform(5, 8), 'soil')
    for _ in range(rng.poisson(2)):
        planner.box(block.along[0] + rng.uniform(0, 1) * block.length, block.across[0] + parking + 1.2, 2.2, 1.3, 1.4)
    return 'lawn'


def roof_equipment(planner: Planner, length: float, width: float) -> list[tuple]:
    """Air conditioning, stair heads and skylights of a large flat roof."""
    rng, items = planner.rng, []
    for _ in range(rng.poisson(length * width / 120)):
        place = rng.uniform(-0.42, 0.42) * length, rng.uniform(-0.36, 0.36) * width
        size = rng.uniform(1, 3), rng.uniform(1, 2.4)
        colour = planner.vary((176, 178, 178) if rng.random() < 0.75 else (88, 92, 98), 0.1)
        items.append((*place, *size, rng.uniform(0.6, 1.8), colour))
    return items


def plan_commerce(planner: Planner, block: Block) -> str:
    """A hall with a large flat roof beside its parking."""
    rng = planner.rng
    share = rng.uniform(0.4, 0.6)
    if rng.random() < 0.5:
        split = block.along[0] + share * block.length
        hall, lot = (block.along[0] + 3, split - 3), (split, block.along[1] - 1)
    else:
        split = block.along[1] - share * block.length
        hall, lot = (split + 3, block.along[1] - 3), (block.along[0] + 1, split)
    length, width = hall[1] - hall[0], block.depth - rng.uniform(8, 14)
    middle, across = (hall[0] + hall[1]) / 2, block.across[0] + block.depth / 2
    wings = [(0.0, 0.0, length, width)]
    if rng.random() < 0.5:
        wings = [(0.0, -0.15 * width, length, 0.7 * width), (0.2 * length, 0.0, 0.5 * length, width)]
    items = roof_equipment(planner, length, 0.6 * width)
    planner.building(middle, across, wings, 'flat', rng.uniform(5, 8), fixtures=items)
    plan_parking(planner, lot, (block.across[0] + 1, block.across[1] - 1), rng.uniform(0.3, 0.7))
    for position in (0.2, 0.5, 0.8):
        planner.patch(lot[0] + position * (lot[1] - lot[0]), across, block.depth * 0.8, 1.6, 'lawn', QUARTER)
        for row in (-0.3, 0.0, 0.3):
            planner.tree(lot[0] + position * (lot[1] - lot[0]), across + row * block.depth, 0.7)
    for _ in range(rng.poisson(4)):
        planner.box(hall[0] + rng.uniform(0.1, 0.9) * length, block.across[1] - 1.8, rng.uniform(3, 6), 2.4, 2.5)
    return 'parking'


def plan_park(planner: Planner, block: Block) -> str:
    """Grass, gravel paths, a pond or a court, and trees in groups."""
    rng = planner.rng
    middle, across = (block.along[0] + block.along[1]) / 2, (block.across[0] + block.across[1]) / 2
    planner.patch(middle, across, block.length, 2.4, 'gravel', rng.normal(0, 0.15))
    planner.patch(middle + rng.uniform(-10, 10), across, block.depth, 2.0, 'gravel', QUARTER + rng.normal(0, 0.3))
    along = block.along[0] + rng.uniform(0.2, 0.8) * block.length
    if rng.random() < 0.6:
        size = rng.uniform(14, 26), rng.uniform(10, 16)
        planner.patch(along, across + rng.choice([-1, 1]) * block.depth / 4, *size, 'water', round=True)
    else:
        position = across + rng.choice([-1, 1]) * block.depth / 4
        planner.patch(along, position, 26, 14, 'court')
        for shift in (-5.5, 0, 5.5):
            planner.patch(along, position + shift, 24, 0.14, 'marking')
    scatter_trees(planner, block, 0.014, groups=5)
    return 'meadow'


def plan_yard(planner: Planner, block: Block) -> str:
    """A building or storage site: bare soil, piles, containers, trucks and a shed."""
    rng = planner.rng

    def somewhere() -> tuple[float, float]:
        along = block.along[0] + rng.uniform(0.08, 0.92) * block.length
        return along, block.across[0] + rng.uniform(0.1, 0.9) * block.depth

    planner.patch(*somewhere(), block.length * 0.8, 6, 'gravel', rng.normal(0, 0.2))
    for _ in range(3):
        planner.patch(*somewhere(), rng.uniform(10, 20), rng.uniform(8, 14), 'meadow', rng.uniform(0, 3), round=True)
    size = rng.uniform(14, 24), rng.uniform(9, 13)
    planner.building(*somewhere(), [(0, 0, *size)], 'gable' if rng.random() < 0.5 else 'flat', 5, 0.25)
    for _ in range(rng.poisson(9)):
        planner.box(*somewhere(), 6.1, 2.4, 2.6, turn=rng.choice([0, QUARTER]))
    for _ in range(rng.poisson(8)):
        side = rng.uniform(1.5, 4)
        planner.box(*somewhere(), side, side * 0.8, 1.2, (140, 122, 100), rng.uniform(0, 3))
    for _ in range(rng.poisson(5)):
        planner.car(*somewhere(), rng.choice([0, QUARTER]), truck=0.6)
    return 'soil'


def scatter_trees(planner: Planner, block: Block, density: float, groups: int = 0, keep_from: float = 0) -> None:
    """Plant trees in a block: ``density`` trees per square metre, in ``groups`` clumps if not 0.

    Args:
        keep_from: Depth in metres behind the block's first street that stays free.
    """
    rng = planner.rng
    low, high = block.across[0] + keep_from, block.across[1]
    centres = rng.uniform((block.along[0], low), (block.along[1], high), (max(groups, 1), 2))
    for _ in range(rng.poisson(density * block.length * (high - low))):
        along, across = rng.uniform((block.along[0], low), (block.along[1], high))
        if groups and rng.random() < 0.75:
            along, across = centres[rng.integers(groups)] + rng.normal(0, 6, 2)
        if block.along[0] < along < block.along[1] and low < across < high:
            planner.tree(along, across)


LAND_USES = dict(houses=plan_houses, slabs=plan_slabs, commerce=plan_commerce, park=plan_park, yard=plan_yard)
