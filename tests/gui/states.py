"""Campaign states made by hand, as a fold of events would give them."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from campaign.events import Suggested
from campaign.spec import CampaignSpec, ObjectiveSpec, StopSpec, StrategySpec
from campaign.state import CampaignState, Experiment, VialStatus
from campaign.steps import Dose
from optimiser.space import Categorical, Continuous, Mixture, SearchSpace, Stepped

STOCKS = ("red", "yellow", "blue", "water")
TOTAL_UL = 4000.0
BEST = np.array([0.12, 0.33, 0.05, 0.50])


def colour_space() -> SearchSpace:
    parameters = tuple(Continuous(name, 0.0, TOTAL_UL, "µL") for name in STOCKS)
    return SearchSpace(parameters, Mixture(STOCKS, TOTAL_UL))


def colour_spec(mode: str = "approve") -> CampaignSpec:
    objective = ObjectiveSpec("colour", "colour difference", "minimise", "ΔE00", target_lab=(62.0, 28.0, 48.0))
    return CampaignSpec(
        "Match the colour", colour_space(), objective, StrategySpec(beta=1.5), StopSpec(budget=25), mode=mode
    )


def colour_value(point: Mapping[str, float | str], rng: np.random.Generator | None = None) -> float:
    shares = np.array([float(point[n]) for n in STOCKS]) / TOTAL_UL
    noise = 0.0 if rng is None else rng.normal(0, 0.3)
    return float(abs(1.2 + 46 * np.linalg.norm(shares - BEST) + noise))


def colour_point(rng: np.random.Generator, near: float = 0.0) -> dict[str, float]:
    shares = (1 - near) * rng.dirichlet(np.ones(4)) + near * BEST
    return dict(zip(STOCKS, (shares * TOTAL_UL).tolist(), strict=True))


def slots() -> tuple[str, ...]:
    return tuple(f"{row}{column}" for row in "ABCD" for column in range(1, 7))


def colour_state(done: int = 12, *, waiting: bool = True, mode: str = "approve", seed: int = 3) -> CampaignState:
    """A colour campaign: `done` experiments behind it (one failed when there are over six), one on its way."""
    rng = np.random.default_rng(seed)
    experiments = []
    vials: dict[str, VialStatus] = dict.fromkeys(slots(), "clean")
    for index in range(done):
        point = colour_point(rng, 0.0 if index < 5 else min(0.9, 0.2 + 0.07 * index))
        failed = index == 6
        value = None if failed else colour_value(point, rng)
        modelled = index >= 5
        slot = slots()[index]
        vials[slot] = "given_up" if failed else "done"
        experiments.append(
            Experiment(
                index + 1, point, "failed" if failed else "done",
                "initial" if index < 5 else ("person" if index == 9 else "strategy"),
                slot, 1,
                colour_value(point) + 1.1 if modelled else None, 1.6 if modelled else None,
                value, 0.3 if value is not None else None,
                "space filling, before there is a model" if index < 5 else "promising and still uncertain",
                {6: "bubble at the wall", 9: "dragged towards yellow"}.get(index, ""),
                "failed" if failed else "outlier" if index == 3 else "measured",
            )
        )  # fmt: skip
    wish = colour_point(rng, 0.85)
    suggestion = Suggested(
        done + 1, wish, 3.1, 1.2, 1.9, "70 % promise, 30 % curiosity: the belief here is low and still wide.", "gp"
    )
    state = CampaignState(
        colour_spec(mode), seed, True, "Running", "", tuple(experiments), suggestion if waiting else None,
        step=None if waiting else Dose("C1", "red", 240.0, 100.0), step_index=2, step_count=7,
        vials=vials, dosed_ul=dict.fromkeys(STOCKS, 9000.0), events=210,
    )  # fmt: skip
    if waiting:
        return state
    vials[slots()[done]] = "in_use"
    running = Experiment(
        done + 1, wish, "running", "strategy", slots()[done], 1, 3.1, 1.2, reason=suggestion.reason
    )
    return replace(state, experiments=(*experiments, running))


def two_dials_spec() -> CampaignSpec:
    space = SearchSpace((Continuous("x", 0.0, 5.0), Continuous("y", 0.0, 5.0)))
    return CampaignSpec("Two dials", space, ObjectiveSpec("formula", "roughness", "minimise", "nm"))


def mixed_spec() -> CampaignSpec:
    """One of each kind of parameter."""
    space = SearchSpace(
        (
            Continuous("temperature", 20.0, 80.0, "°C"),
            Stepped("time", 5.0, 60.0, 5.0, "min"),
            Categorical("solvent", ("water", "ethanol", "acetone")),
        )
    )
    return CampaignSpec("Gel", space, ObjectiveSpec("formula", "yield", "maximise", "%"), mode="approve")


def one_dial_spec() -> CampaignSpec:
    space = SearchSpace((Continuous("voltage", 0.0, 12.0, "V"),))
    return CampaignSpec("One dial", space, ObjectiveSpec("formula", "power", "maximise", "mW"))


def measured(spec: CampaignSpec, points: list[dict[str, float | str]], values: list[float]) -> CampaignState:
    experiments = tuple(
        Experiment(i + 1, p, "done", "initial", value=v)
        for i, (p, v) in enumerate(zip(points, values, strict=True))
    )
    return CampaignState(spec, phase="Running", experiments=experiments)
