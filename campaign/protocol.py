"""From a recipe and a slot to the steps that make and read the vial. Pure."""

from campaign.recipe import Recipe
from campaign.spec import ChecksSpec, DosingSpec
from campaign.steps import CheckVial, Dose, Look, Measure, Move, Step, Wait
from hardware.spec import RackSpec


def make_protocol(
    recipe: Recipe,
    slot: str,
    rack: RackSpec,
    dosing: DosingSpec,
    checks: ChecksSpec,
    measure: Measure | None = None,
) -> tuple[Step, ...]:
    """Bring the vial, check it, dose the aliquots one by one, let it settle, look; then measure, if that is asked.

    What is measured otherwise than by the eye is looked at only for the check of its level.

    Raises KeyError for a slot that the rack does not have.
    """
    x_mm, y_mm = rack.position_mm(slot)
    steps: list[Step] = [Move(slot, x_mm, y_mm)]
    if checks.presence:
        steps.append(CheckVial(slot))
    steps.extend(Dose(slot, a.stock, a.volume_ul, dosing.rate_ul_s) for a in recipe.aliquots)
    if dosing.settle_s > 0:
        steps.append(Wait(dosing.settle_s))
    if measure is None or checks.level:
        steps.append(Look(slot, recipe.total_ul))
    if measure is not None:
        steps.append(measure)
    return tuple(steps)
