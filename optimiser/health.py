"""Is the surrogate to be trusted: what it would have predicted of each reading, against what was read."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.stats import beta as beta_distribution
from scipy.stats import binom
from scipy.stats import t as t_distribution

from optimiser.best import INTERVAL, assess
from optimiser.history import History
from optimiser.posterior import Posterior
from optimiser.reason import amount, figures, in_words, relevance
from optimiser.space import Array, Categorical, Point

Light = Literal["green", "yellow", "red", "grey"]

ENOUGH = 8
"""With fewer readings the light is grey."""
BAND = 0.95
SOUND = 0.02
"""As few readings in the band, or fewer, once in 50 sound models: yellow."""
UNSOUND = 0.001
"""Once in 1000 sound models, and fewer than `POOR` of the readings in the band: red."""
POOR = 0.85
FEWER = 0.9
"""With fewer in the band and yet a sound light, it is said that this can be chance."""
DRIFTING = 0.01
NO_EFFECT = 0.005
AT_BOUND = 0.005


@dataclass(frozen=True)
class Drift:
    """per_experiment: change of the readings from one experiment to the next, in the objective's unit, whatever the
    point. chance: that readings without drift show so much (two-sided).
    """

    per_experiment: float
    chance: float


@dataclass(frozen=True, eq=False)
class Health:
    """z: (n,) leave-one-out errors in standard deviations, in the order of `history.usable`.

    coverage: part of the measured ones (not simulated) within the 95 % band; low, high: its 95 % interval (Clopper
    and Pearson), since few readings say little. drift: None with fewer than `ENOUGH` readings. hints: sentences,
    most urgent first.
    """

    light: Light
    sentence: str
    z: Array
    coverage: float
    low: float
    high: float
    drift: Drift | None
    hints: tuple[str, ...]


def examine(history: History, posterior: Posterior, unit: str = "") -> Health:
    """The surrogate's health after this history. unit: the objective's. ValueError: another's posterior."""
    points = assess(history, posterior)
    z = leave_one_out_z(posterior)
    measured = z[[i for i, o in enumerate(history.usable) if o.origin == "measured"]]
    n = len(measured)
    inside = int((np.abs(measured) <= INTERVAL).sum())
    low, high = interval(inside, n)
    drift = drift_of(posterior) if n >= ENOUGH else None
    moving = drift is not None and drift.chance < DRIFTING
    contradicting = [a for a in points if "replicates contradict" in a.flags]
    hints = []
    if drift is not None and moving:
        hints.append(
            f"The readings drift by about {amount(drift.per_experiment, unit)} from one experiment to the next:"
            " repeat an early point to be sure, and look for what warms, ages or settles."
        )
    for a in contradicting:
        readings = ", ".join(figures(r, 4) for r in a.readings)
        hints.append(f"The replicates at {in_words(history.space, a.point)} contradict each other ({readings}).")
    if points:
        hints += at_bounds(history, points[0].point)
        hints += _without_effect(posterior)
    chance = float(binom.cdf(inside, n, BAND))
    said = f"{inside} of {n} readings ({100 * inside / max(n, 1):.0f} %) lie in the 95 % band"
    light: Light
    if not n:
        light, sentence = "grey", "Nothing has been measured yet."
    elif n < ENOUGH:
        light, sentence = "grey", f"{n} reading{'s' if n > 1 else ''}; {ENOUGH} are needed to judge."
    elif chance < UNSOUND and inside / n < POOR:
        light, sentence = "red", f"Do not trust the suggestions: only {said}."
    elif chance < SOUND:
        light, sentence = "yellow", f"Take the suggestions with care: only {said}."
    elif moving or contradicting:
        light, sentence = "yellow", f"The predictions hold ({said}), but {_lowered(hints[0])}"
    elif inside / n < FEWER:
        light, sentence = "green", f"{said}; with so few that can be chance."
    else:
        light, sentence = "green", f"The predictions hold: {said}."
    return Health(light, sentence, z, inside / n if n else 0.0, low, high, drift, tuple(hints))


def leave_one_out_z(posterior: Posterior) -> Array:
    """(n,): reading less what all the others predict, in standard deviations of that reading."""
    rows = slice(0, len(posterior.measured))
    mean, sd = posterior.leave_one_out()
    predicted = (mean[rows] - posterior.offset) / posterior.scale
    return np.asarray((posterior.y[rows] - predicted) / (sd[rows] / posterior.scale))


def interval(k: int, n: int) -> tuple[float, float]:
    """95 % interval of a part of which k of n were seen (Clopper and Pearson, exact); 0 to 1 for none."""
    low = float(beta_distribution.ppf(0.025, k, n - k + 1)) if k > 0 else 0.0
    high = float(beta_distribution.ppf(0.975, k + 1, n - k)) if k < n else 1.0
    return low, high


def drift_of(posterior: Posterior) -> Drift:
    """A straight line through the order of the readings, by generalised least squares: what the parameters explain,
    along a straight line or by the surrogate's covariance, is no drift. Chance 1 where it cannot be told from them.
    """
    n = len(posterior.measured)
    whiten = posterior.factor[0][:n, :n]
    order = np.arange(n) / max(n - 1, 1) - 0.5
    known = whiten @ np.column_stack([np.ones(n), posterior.X[:n]])
    target = whiten @ order
    by_known, _, rank, _ = np.linalg.lstsq(known, target, rcond=1e-9)
    own = target - known @ by_known  # the part of the order that is not in the parameters (Frisch and Waugh, 1933)
    strength, freedom = float(own @ own), n - int(rank) - 1
    if freedom < 3 or strength <= 1e-9 * float(target @ target):
        return Drift(0.0, 1.0)
    slope = float(own @ (whiten @ posterior.y[:n])) / strength
    chance = 2.0 * float(t_distribution.sf(abs(slope) * np.sqrt(strength), freedom))
    return Drift(slope / (n - 1) * posterior.scale, chance)


def at_bounds(history: History, best: Point) -> list[str]:
    """A sentence for each parameter at whose bound the best point lies: there may be better ones beyond.

    Not for what cannot be widened: none, or all, of a mixture.
    """
    space = history.space
    mixed = set(space.mixture.names) if space.mixture else set()
    out = []
    for p in space.parameters:
        if isinstance(p, Categorical) or not p.high > p.low:
            continue
        at = float(space.encode([best])[0, space.blocks[p.name].start])
        end = "lower" if at <= AT_BOUND else "upper" if at >= 1 - AT_BOUND else ""
        bound = p.low if end == "lower" else p.high
        whole = space.mixture.total if space.mixture and p.name in mixed else None
        if not end or (whole is not None and bound in (0.0, whole)):
            continue
        how = "add candidates beyond it" if space.candidates is not None else "widen it"
        out.append(f"The best lies at the {end} end of {p.name} ({amount(bound, p.unit)}): {how} if you can.")
    return out


def _without_effect(posterior: Posterior) -> list[str]:
    """Parameters that were varied and changed nothing, or that were never varied."""
    space = posterior.space
    X = posterior.X[: len(posterior.measured)]
    shares = relevance(posterior)
    if len(X) < max(ENOUGH, 3 * len(space.parameters)) or len(space.parameters) < 2:
        return []
    out = []
    for name, share in shares.items():
        varied: npt.NDArray[np.bool_] = np.ptp(X[:, space.blocks[name]], axis=0) > 0
        p = space.parameter(name)
        possible = len(p.choices) > 1 if isinstance(p, Categorical) else p.high > p.low
        if possible and not varied.any():
            out.append(f"{name} has never been varied, so nothing is known of its effect.")
        elif possible and share < NO_EFFECT and any(shares.values()):
            out.append(f"{name} seems to have no effect so far: it could be left at what is cheapest.")
    return out


def _lowered(sentence: str) -> str:
    return sentence[0].lower() + sentence[1:]
