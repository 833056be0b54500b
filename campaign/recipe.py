"""What goes into one vial."""

from collections.abc import Mapping
from dataclasses import dataclass

from campaign.events import Point
from campaign.spec import DosingSpec
from optimiser.space import Categorical, SearchSpace

UL_PER_UNIT: Mapping[str, float] = {
    "": 1.0, "µL": 1.0, "μL": 1.0, "uL": 1.0, "ul": 1.0, "µl": 1.0, "mL": 1000.0, "ml": 1000.0,
}  # fmt: skip
"""Units a parameter of a bench may have; both Unicode signs for micro are in use."""


class RecipeError(ValueError):
    """The point cannot be made on this rig; the message says why."""


@dataclass(frozen=True)
class Aliquot:
    stock: str
    volume_ul: float


@dataclass(frozen=True)
class Recipe:
    """aliquots: largest first, so that small ones fall into liquid and are mixed. left_out_ul: by stock, what is
    too small for a pump."""

    aliquots: tuple[Aliquot, ...]
    left_out_ul: Mapping[str, float]

    @property
    def total_ul(self) -> float:
        return sum(a.volume_ul for a in self.aliquots)


def make_recipe(point: Point, space: SearchSpace, dosing: DosingSpec) -> Recipe:
    """The aliquots of a point whose parameters are volumes of stocks. Raises RecipeError for what is no volume."""
    aliquots, left_out_ul = [], {}
    for parameter in space.parameters:
        value = point[parameter.name]
        if isinstance(parameter, Categorical) or isinstance(value, str):
            raise RecipeError(f"{parameter.name} = {value!r} is no volume that a pump can dose")
        if parameter.unit not in UL_PER_UNIT:
            raise RecipeError(f"{parameter.name} is in {parameter.unit!r}, which is no volume; use µL or mL")
        if not 0 <= value < float("inf"):
            raise RecipeError(f"{parameter.name} = {value:g} is no volume that a pump can dose")
        volume_ul = value * UL_PER_UNIT[parameter.unit]
        if volume_ul > 0 and volume_ul >= dosing.smallest_ul:
            aliquots.append(Aliquot(parameter.name, volume_ul))
        elif volume_ul > 0:
            left_out_ul[parameter.name] = volume_ul
    aliquots.sort(key=lambda a: -a.volume_ul)
    return Recipe(tuple(aliquots), left_out_ul)
