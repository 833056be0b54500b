"""When to stop: what further experiments may still bring, in the objective's unit and per hour. Never silent."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.special import ndtr

from optimiser import untested
from optimiser.acquisition import EI, sign
from optimiser.best import assess
from optimiser.feasibility import Feasibility
from optimiser.given import amiss, whole
from optimiser.health import Light
from optimiser.history import History
from optimiser.parameters import finite
from optimiser.posterior import Posterior
from optimiser.reason import amount, in_percent, in_words
from optimiser.space import ExhaustedError, Point

Verdict = Literal["go on", "consider stopping", "stop"]

FEW = 5
"""With fewer readings there is no advice but to go on."""
SAMPLES = 2048
NEAR = 256
JOINT = 256
DRAWS = 1000
UNLIKELY = 0.05
DOUBTFUL = 0.2
SURE = 0.95
NEGLIGIBLE = 0.01
"""A gain below this part of the smallest useful one is not told in figures."""
BELIEF = 3
"""Where the surrogate still promises a gain, patience lasts so many times as long."""


@dataclass(frozen=True)
class Figures:
    """Gains are in the objective's unit, from 0 up, over the expectation at the best measured point.

    Those of points that perhaps cannot be made (`Feasibility`) count by the chance that they can.
    next_gain: expected from the best next experiment alone (expected improvement), made at `next_point`.
    next_gain_per_hour: None without a duration. total_gain: expected of the best point not yet tried.
    chance_better: that the true value of a point not yet tried is better than the best's by more than `useful`, the
    smallest difference that counts.
    without_gain: readings since the best expectation last rose by `useful`. target_chance: that the best truly
    reaches the target. left: experiments left in the budget. remaining: untried points of the space.
    """

    best: float
    next_point: Point | None
    next_gain: float
    next_gain_per_hour: float | None
    total_gain: float
    chance_better: float
    useful: float
    without_gain: int
    target_chance: float | None
    used: int
    left: int | None
    remaining: float


@dataclass(frozen=True)
class Advice:
    """figures: None while nothing can be told, which is before the first value and while all readings are equal."""

    verdict: Verdict
    sentence: str
    figures: Figures | None


def advise(
    history: History,
    posterior: Posterior,
    *,
    useful: float | None = None,
    target: float | None = None,
    budget: int | None = None,
    hours: float | None = None,
    patience: int | None = None,
    light: Light | None = None,
    unit: str = "",
) -> Advice:
    """Whether to go on.

    useful: smallest difference that counts, in the objective's unit; by default half the noise of one reading (what
    four replicates can tell), at least 1 % of the range measured. budget: experiments in all. hours: one experiment
    takes. patience: readings without gain after which to think of stopping, three times as many while the surrogate
    still promises a gain; by default 5, or twice the number of parameters if that is more. light: of the model's
    health; with red its chances are no reason to stop. unit: the objective's.
    ValueError for a number that makes no sense, and for another history's posterior.
    """
    _check(useful, target, budget, hours, patience)
    points = assess(history, posterior)
    used = len(history.observations)
    if not points:
        if budget is not None and used >= budget:
            return Advice(
                "stop", f"Stop: all {budget} experiments of the budget are used; none gave a value.", None
            )
        return Advice("go on", "Go on: nothing has been measured yet.", None)
    figs = _figures(history, posterior, points[0].mean, points[0].point, useful, target, budget, hours)
    patience = max(FEW, 2 * len(history.space.parameters)) if patience is None else patience
    verdict, why = _verdict(history, figs, target, budget, patience, light, unit)
    if _all_equal(history):
        return Advice(
            verdict, f"{verdict.capitalize()}: {why}. The best so far is {amount(figs.best, unit, 4)}.", None
        )
    best = points[0]
    if verdict == "stop" and (best.n == 1 or "replicates contradict" in best.flags):
        why += f", but first repeat the best ({in_words(history.space, best.point)})"
    return Advice(verdict, f"{verdict.capitalize()}: {why}. {_outlook(figs, unit)}", figs)


def _check(
    useful: float | None, target: float | None, budget: int | None, hours: float | None, patience: int | None
) -> None:
    for name, value in (("smallest useful difference", useful), ("duration", hours)):
        if value is not None and not (finite(value) and value > 0):
            raise ValueError(f"the {name} is {amiss(value, 'give a number above 0, or leave it out')}")
    if target is not None and not finite(target):
        raise ValueError(f"the target is {amiss(target, 'give a finite number, or leave it out')}")
    for name, count in (("budget", budget), ("patience", patience)):
        if count is not None and not whole(count, 1):
            instead = "give a whole number of experiments from 1 up, or leave it out"
            raise ValueError(f"the {name} is {amiss(count, instead)}")


def _figures(
    history: History,
    posterior: Posterior,
    best: float,
    at: Point,
    useful: float | None,
    target: float | None,
    budget: int | None,
    hours: float | None,
) -> Figures:
    up, scale = sign(history.direction), posterior.scale
    if useful is None:
        values = np.array([o.value for o in history.usable if o.origin == "measured"], dtype=float)
        useful = max(0.5 * posterior.noise_sd, 0.01 * float(np.ptp(values / scale)) * scale)
    points = _untried(history, at)
    next_point, gain, total, chance = None, 0.0, 0.0, 0.0
    if points:
        mean, sd = posterior.predict(points)
        lead, width = up * (mean / scale - best / scale), sd / scale
        model = Feasibility.learn(history)
        can = np.ones(len(points)) if model is None else model.probability(history.space.encode(points))
        worth = can * EI().value(lead, width, 0.0, "maximise")
        first = int(worth.argmax())
        next_point, gain = points[first], float(worth[first]) * scale
        joint = np.argsort(-can * np.maximum(lead + 2.0 * width, 0.0), kind="stable")[:JOINT]
        rng = history.rng()
        drawn = posterior.draw([at, *(points[i] for i in joint)], DRAWS, rng) / scale
        made = rng.random((DRAWS, 1)) < can[joint]  # one chance for all: neighbours can be made, or not, together
        top = np.where(made, up * drawn[:, 1:], -np.inf).max(axis=1)
        # the best of all is worth no less than the best next one, which is known without chance
        total = max(float(np.maximum(top - up * best / scale, 0.0).mean()) * scale, gain)
        chance = float((top - up * drawn[:, 0] > useful / scale).mean())
    (_, (best_sd,)) = posterior.predict([at])
    reached = None
    if target is not None:
        reached = float(ndtr(up * (best / scale - target / scale) / max(best_sd / scale, 1e-150)))
    used = len(history.observations)
    return Figures(
        best=best,
        next_point=next_point,
        next_gain=gain,
        next_gain_per_hour=None if hours is None else gain / hours,
        total_gain=total,
        chance_better=chance,
        useful=useful,
        without_gain=_without_gain(history, posterior, useful),
        target_chance=reached,
        used=used,
        left=None if budget is None else max(0, budget - used),
        remaining=max(0.0, history.space.size - len(history.tried)) if points else 0.0,
    )


def _untried(history: History, at: Point) -> tuple[Point, ...]:
    """Points that can still be made: those of the table, or an even draw and one around the best. Seeded."""
    space, rng = history.space, history.rng()
    if (every := space.listed) is not None:
        left = untested.rows(every, history.tried)
        if len(left) > SAMPLES:
            left = rng.choice(left, SAMPLES, replace=False)
        return tuple(every.points[i] for i in left)
    around = space.encode([at]) + rng.normal(0.0, 0.05, (NEAR, len(space.columns)))
    drawn = np.vstack([space.sample_encoded(SAMPLES, rng), space.repair(around)])
    found = untested.distinct(space, space.decode(drawn), history.tried)
    if found:
        return found
    try:
        return untested.draw(history, NEAR, rng)
    except ExhaustedError:
        return ()


def _without_gain(history: History, posterior: Posterior, useful: float) -> int:
    """Readings since the best of today's expectations at the points measured so far last rose by `useful`."""
    seen = [o.point for o in history.usable if o.origin == "measured"]
    rising = sign(history.direction) * posterior.predict(seen)[0] / posterior.scale
    last, level = 0, rising[0]
    for i, value in enumerate(rising):
        if value > level + useful / posterior.scale:
            last, level = i, value
    return len(seen) - 1 - last


def _all_equal(history: History) -> bool:
    """Whether there are several measured values and no difference among them."""
    values = [o.value for o in history.usable if o.origin == "measured"]
    return len(values) > 1 and len(set(values)) == 1


def _verdict(
    history: History,
    figs: Figures,
    target: float | None,
    budget: int | None,
    patience: int,
    light: Light | None,
    unit: str,
) -> tuple[Verdict, str]:
    """The first that holds."""
    n = sum(o.origin == "measured" for o in history.usable)
    useful = amount(figs.useful, unit)
    if budget is not None and figs.left == 0:
        return "stop", f"all {budget} experiments of the budget are used"
    if figs.next_point is None:
        return "stop", "every point of the space has been tried or is pending"
    if target is not None and figs.target_chance is not None and figs.target_chance >= 0.5:
        reached = f"the target of {amount(target, unit, 4)}"
        if figs.target_chance >= SURE:
            return "stop", f"{reached} is reached with {in_percent(figs.target_chance)}"
        return "consider stopping", (
            f"{reached} is reached with {in_percent(figs.target_chance)} only; repeat the best to be sure"
        )
    if _all_equal(history):
        return "go on", "all readings are equal; nothing can be told yet"
    if n < FEW:
        return "go on", f"{n} of at least {FEW} readings are too few to judge by"
    if light == "red":
        return (
            "go on",
            "the surrogate's chances are not to be trusted (see its health), so they are no reason to stop",
        )
    if figs.chance_better < UNLIKELY:
        return "stop", f"anything better by more than {useful} is unlikely"
    if figs.chance_better < DOUBTFUL:
        return "consider stopping", f"anything better by more than {useful} is doubtful"
    if figs.without_gain >= (patience if figs.chance_better < 0.5 else BELIEF * patience):
        return "consider stopping", f"the last {figs.without_gain} readings brought no gain above {useful}"
    return "go on", f"something better by more than {useful} may well exist"


def _outlook(figs: Figures, unit: str) -> str:
    """The figures in a sentence or two."""
    if figs.next_point is None:
        return f"The best so far is {amount(figs.best, unit, 4)}."
    least = float(f"{NEGLIGIBLE * figs.useful:.0e}")
    rate = ""
    if figs.next_gain_per_hour is not None and figs.next_gain >= least:
        rate = f" ({amount(figs.next_gain_per_hour, unit, 2)} per hour)"
    next_one, all_left = (
        amount(gain, unit, 2) if gain >= least else f"under {amount(least, unit, 1)}"
        for gain in (figs.next_gain, figs.total_gain)
    )
    return (
        f"Expected further gain over the best so far, {amount(figs.best, unit, 4)}: {next_one} from the next"
        f" experiment{rate}, {all_left} from the best of all untried points, with {in_percent(figs.chance_better)}"
        f" of more than {amount(figs.useful, unit)}"
        + ("." if figs.left is None else f"; {figs.left} experiments are left.")
    )
