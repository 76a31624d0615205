"""Plans a scene: the use of each block, and the cars and trees on the streets."""

import numpy as np

from .blocks import LAND_USES
from .objects import Plan
from .planner import Planner
from .streets import StreetGrid, Streets
from .styles import DomainStyle


def plan_scene(rng: np.random.Generator, style: DomainStyle, extent: float) -> tuple[StreetGrid, Plan]:
    """Plan a square scene.

    Args:
        rng: The generator that is drawn from.
        style: The domain.
        extent: Width and height in metres.

    Returns:
        The street network and the objects of the scene.
    """
    grid = StreetGrid(rng, style.form, extent)
    planner = Planner(rng, style, grid, extent)
    blocks = grid.blocks()
    uses = deal_land_uses(rng, style, [central(planner, block) for block in blocks])
    planner.plan.block_materials = [LAND_USES[use](planner, block) for use, block in zip(uses, blocks, strict=True)]
    plan_streets(planner)
    return grid, planner.plan


def central(planner: Planner, block) -> float:
    """Distance of a block's centre from the scene's centre in metres."""
    x, y = planner.grid.to_ground(sum(block.along) / 2, sum(block.across) / 2)
    return float(np.hypot(x - planner.extent / 2, y - planner.extent / 2))


def deal_land_uses(rng: np.random.Generator, style: DomainStyle, distances: list[float]) -> list[str]:
    """Give each block a use.

    Uses are dealt from a shuffled deck that holds each use in its share, from the centre of the scene outwards. So even
    a scene of a few blocks has roughly the shares of the domain.
    """
    shares = style.form.land_use
    deck = [use for use, share in shares.items() for _ in range(round(share * 12))]
    uses = [''] * len(distances)
    hand: list[str] = []
    for index in np.argsort(distances, kind='stable'):
        hand = hand or [deck[i] for i in rng.permutation(len(deck))]
        uses[index] = hand.pop()
    return uses


def plan_streets(planner: Planner) -> None:
    """Put cars and trees along the streets, in both directions of the grid."""
    grid = planner.grid
    plan_direction(planner, grid.long_streets, grid.cross_streets, lambda along, across: (along, across), 0.0)
    plan_direction(planner, grid.cross_streets, grid.long_streets, lambda along, across: (across, along), np.pi / 2)


def plan_direction(planner: Planner, streets: Streets, crossing: Streets, swap, turn: float) -> None:
    """Fill the streets of one direction; ``swap`` turns (along, across) the street into grid coordinates."""
    rng, form = planner.rng, planner.style.form
    low, high = crossing.centres[0], crossing.centres[-1]

    def free(position: float, gap: float) -> bool:
        return bool((np.abs(crossing.centres - position) > crossing.widths / 2 + gap).all())

    for centre, width in zip(streets.centres, streets.widths, strict=True):
        # Trees stand on the sidewalk's inner edge; some streets have none.
        if rng.random() < 0.7:
            for position in np.arange(low, high, form.street_trees):
                for side in (-1, 1):
                    place = position + rng.normal(0, 1.5)
                    if free(place, 5) and rng.random() < 0.75:
                        planner.tree(*swap(place, centre + side * (width / 2 + form.sidewalk)), 0.8)
        for _ in range(rng.poisson(form.cars_per_100m * (high - low) / 100)):
            position, side = rng.uniform(low, high), rng.choice([-1, 1])
            parked = rng.random() < 0.6
            offset = width / 2 - 1.1 if parked else width / 4
            if not parked or free(position, 6):
                planner.car(*swap(position, centre + side * offset), turn + (np.pi if side < 0 else 0))
