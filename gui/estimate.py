"""What a campaign will take, before it is started: vials, reagents at most, hours. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from campaign.guard import campaign_mistakes
from campaign.spec import CampaignSpec
from gui.units import duration, plain, volume
from gui.widgets.digits import with_unit
from hardware.spec import RigSpec
from optimiser.space import Categorical

MOVE_S = 3.0
LOOK_S = 2.0


@dataclass(frozen=True)
class Estimate:
    """shared_ul, most_ul: of each stock, if all took an equal share, and if every experiment took as much of it
    as it may. seconds: at the bench's pace."""

    experiments: int
    seconds: float
    shared_ul: dict[str, float]
    most_ul: dict[str, float]


def estimate(spec: CampaignSpec, rig: RigSpec | None) -> Estimate:
    budget = spec.stop.budget
    if not spec.objective.needs_rig:
        return Estimate(budget, 0.0, {}, {})
    highs = {p.name: p.high for p in spec.space.parameters if not isinstance(p, Categorical)}
    stocks = {name: high for name, high in highs.items() if rig is None or name in rig.pumps}
    total = spec.space.mixture.total if spec.space.mixture is not None else sum(stocks.values())
    dosing = total / spec.dosing.rate_ul_s
    seconds = budget * (dosing + spec.dosing.settle_s + MOVE_S + 2 * LOOK_S + 1.0 * len(stocks))
    share = total / max(1, len(stocks)) * budget
    most_ul = {name: high * budget for name, high in stocks.items()}
    return Estimate(budget, seconds, {name: min(share, most) for name, most in most_ul.items()}, most_ul)


def not_from_here(spec: CampaignSpec) -> str | None:
    """Why the window cannot start this campaign; None when it can."""
    if spec.objective.kind == "column":
        return (
            "This campaign is replayed from a table, on the command line: aliquot run with --replay TABLE.csv. "
            "The window cannot start it."
        )
    if spec.objective.kind == "function":
        return "This campaign is measured by a function of a script and started from Python, not from the window."
    return None


def paragraph(spec: CampaignSpec) -> str:
    """The campaign in a few sentences, for the person who is about to press Start."""
    objective, stop = spec.objective, spec.stop
    names = [p.name for p in spec.space.parameters]
    varied = ", ".join(names[:-1]) + (" and " if len(names) > 1 else "") + names[-1]
    goal = "smallest" if objective.direction == "minimise" else "largest"
    mixture = spec.space.mixture
    fixed = f", together {plain(mixture.total)}{_unit(spec)} in each vial" if mixture is not None else ""
    picks = (
        f"a Gaussian process picks the next point after {spec.strategy.initial} spread ones"
        if spec.strategy.kind == "gp"
        else "points are drawn at random"
    )
    said = [f"Looks for the {goal} {objective.name} by varying {varied}{fixed}; {picks}."]
    ends = [f"{stop.budget} experiments"]
    if stop.target is not None:
        ends.append(f"when {with_unit(plain(stop.target), objective.unit)} is reached")
    if stop.no_gain:
        ends.append(f"{stop.no_gain} experiments without gain")
    said.append(f"It ends after {' or '.join(ends)}.")
    if spec.objective.kind == "typed":
        said.append("Nothing is dosed: you are told each recipe, make it and type what came of it.")
        return " ".join(said)
    if spec.objective.kind == "meter":
        said.append(f"The rig's {spec.objective.meter} is read in each vial; one that you read is asked for.")
    said.append("It goes on by itself." if spec.mode == "automatic" else "Each point waits for your decision.")
    return " ".join(said)


def needs(
    spec: CampaignSpec, rig: RigSpec | None, left_ul: Mapping[str, float] | None = None, over: int = 0
) -> tuple[tuple[str, str, bool], ...]:
    """Lines for the list beside it: what, how much, and whether the rig has it.

    left_ul: what is in the syringes now, where it is known. over: experiments that are made already.
    """
    if (refused := not_from_here(spec)) is not None:
        return (("Measured", refused, False),)
    made = estimate(spec, rig)
    rest = max(0, made.experiments - over) / made.experiments
    if spec.objective.kind == "typed":
        return (("Experiments", f"{made.experiments} at most; you make each and type its value", True),)
    if not spec.objective.needs_rig:
        return (("Experiments", f"{made.experiments} at most, nothing is dosed", True),)
    lines: list[tuple[str, str, bool]] = []
    if rig is not None:
        lines += [("Rig", mistake, False) for mistake in campaign_mistakes(spec, rig, {})]
    vials = len(rig.rack.slots) if rig is not None else None
    have = f", the rack holds {vials}" if vials is not None else ""
    if vials is not None and vials < made.experiments:
        have += ": a fresh one will be asked for"
    lines.append(("Vials", f"{made.experiments} at most{have}", vials is None or vials >= made.experiments))
    for name, most in made.most_ul.items():
        capacity = rig.pumps[name].capacity_ul if rig is not None and name in rig.pumps else None
        left = (left_ul or {}).get(name)
        held_ul = left if left is not None else capacity
        shared_ul, most_ul = made.shared_ul[name] * rest, most * rest
        said = f"{volume(shared_ul)} if shared evenly, {volume(most_ul)} at most"
        if held_ul is not None:
            said += f"; {volume(held_ul)} left" if left is not None else f"; the syringe holds {volume(held_ul)}"
            if shared_ul > held_ul:
                said += ": the campaign will ask for a refill"
            elif most_ul > held_ul:
                said += ": it may ask for a refill"
        lines.append((name.capitalize(), said, held_ul is None or held_ul >= shared_ul))
    lines.append(("Time", f"about {duration(made.seconds)} at the bench", True))
    return tuple(lines)


def _unit(spec: CampaignSpec) -> str:
    mixture = spec.space.mixture
    units = {p.unit for p in spec.space.parameters if mixture is not None and p.name in mixture.names}
    return "\u202f" + units.pop() if len(units) == 1 and "" not in units else ""
