"""What is wanted of one measured quantity, and how good a value of it is.

Goals are turned into a *gain*, larger is better, in the objective's unit: the value itself (maximise), its negative
(minimise), minus the distance from the target, minus the distance outside the window (so zero inside).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from optimiser.formula import Formula, FormulaError, read_formula
from optimiser.given import amiss, did_you_mean, shown
from optimiser.parameters import finite
from optimiser.space import Array

Goal = Literal["maximise", "minimise", "target", "window"]
GOALS: tuple[Goal, ...] = get_args(Goal)
USES: dict[str, tuple[str, ...]] = {
    "maximise": ("at_least",),
    "minimise": ("at_most",),
    "target": ("target", "tolerance"),
    "window": ("at_least", "at_most"),
}
NUMBERS = ("at_least", "at_most", "target", "tolerance", "worthless")


class ObjectiveError(ValueError):
    """Something is wrong with what is wanted or what was told; the message names every mistake and its remedy."""

    def __init__(self, mistakes: Sequence[str]) -> None:
        super().__init__("; ".join(mistakes))
        self.mistakes = tuple(mistakes)


@dataclass(frozen=True)
class Objective:
    """One of several objectives. All numbers are in `unit`.

    name: also the measured column, unless a `formula` of measured columns and parameters gives the value. Where the
    formula has no finite number (zero denominator, logarithm of a negative number) the measurement has failed.
    goal: "maximise" (met with `at_least` or more, when given), "minimise" (`at_most` or less), "target" (met within
    `tolerance` of `target`, when given), "window" (met from `at_least` to `at_most`, both needed).
    worthless: only for the desirability: the value (for a target or a window the distance from it) that is worth
    nothing; by default the worst one measured. weight: only for the desirability, relative to the others.
    Raises ObjectiveError, which names all mistakes at once.
    """

    name: str
    goal: Goal = "maximise"
    unit: str = ""
    at_least: float | None = None
    at_most: float | None = None
    target: float | None = None
    tolerance: float | None = None
    formula: str | None = None
    weight: float = 1.0
    worthless: float | None = None

    def __post_init__(self) -> None:
        if wrong := [f"{self.name or 'an objective'}: {m}" for m in self._mistakes()]:
            raise ObjectiveError(wrong)

    def _mistakes(self) -> list[str]:
        out = [] if str(self.name).strip() else ["it has no name; give it the name of its column"]
        bad = {n: v for n in NUMBERS if (v := getattr(self, n)) is not None and not finite(v)}
        out += [f"{n} is {amiss(v, 'give a finite number')}" for n, v in bad.items()]
        if not (finite(self.weight) and self.weight > 0):
            out.append(f"weight is {amiss(self.weight, 'give a finite number above 0')}")
        if self.formula is not None:
            try:
                read_formula(self.formula)
            except FormulaError as error:
                out.append(f'the formula "{self.formula}": {error}')
        if self.goal not in GOALS:
            return [
                *out,
                f"there is no goal {shown(self.goal)}{did_you_mean(self.goal, GOALS)}; choose {_or(GOALS)}",
            ]
        for n in ("at_least", "at_most", "target", "tolerance"):
            if getattr(self, n) is not None and n not in USES[self.goal]:
                fit = [goal for goal in GOALS if n in USES[goal]]
                out.append(f"{n} has no meaning for {self.goal}; take it out or choose {_or(fit)}")
        needed = {"target": ("target",), "window": ("at_least", "at_most")}.get(self.goal, ())
        out += [f"a {self.goal} needs {n}; give it a number" for n in needed if getattr(self, n) is None]
        return out or self._contradictions()

    def _contradictions(self) -> list[str]:
        low, high, zero = self.at_least, self.at_most, self.worthless
        if self.goal == "window" and low is not None and high is not None and not low < high:
            return [f"at_least {low:g} is not below at_most {high:g}; exchange them, or give a target"]
        if self.tolerance is not None and self.tolerance <= 0:
            return [f"tolerance is {self.tolerance:g}; give a number above 0"]
        if zero is None:
            return []
        if self.goal == "maximise" and low is not None and zero >= low:
            return [f"worthless {zero:g} is not below at_least {low:g}; lower it"]
        if self.goal == "minimise" and high is not None and zero <= high:
            return [f"worthless {zero:g} is not above at_most {high:g}; raise it"]
        if self.goal in ("target", "window") and zero <= (self.tolerance or 0.0):
            return [f"worthless is a distance of {zero:g} here; give one above {self.tolerance or 0.0:g}"]
        return []

    @cached_property
    def parsed(self) -> Formula | None:
        return None if self.formula is None else read_formula(self.formula)

    @property
    def needs(self) -> frozenset[str]:
        """Names of what it is made of: its own column, or its formula's."""
        return frozenset({self.name}) if self.parsed is None else self.parsed.names

    @property
    def edges(self) -> tuple[float, float]:
        """Where a target or a window begins and ends; twice the target for a target."""
        if self.target is not None:
            return self.target, self.target
        return self.at_least or 0.0, self.at_most or 0.0

    def gain(self, values: Array) -> Array:
        """Of values in the objective's unit, of any shape; larger is better. NaN stays NaN."""
        values = np.asarray(values, dtype=float)
        if self.goal == "maximise":
            return values
        if self.goal == "minimise":
            return -values
        low, high = self.edges
        return -np.maximum(np.maximum(low - values, values - high), 0.0)

    @property
    def threshold(self) -> float | None:
        """The gain from which on the objective is met; None when anything is welcome."""
        if self.goal == "maximise":
            return self.at_least
        if self.goal == "minimise":
            return None if self.at_most is None else -self.at_most
        return 0.0 if self.goal == "window" else (None if self.tolerance is None else -self.tolerance)

    def met(self, values: Array) -> npt.NDArray[np.bool_]:
        """Which values meet the threshold, those that do not exist (NaN) never."""
        gain = self.gain(values)
        return np.asarray(np.isfinite(gain) if self.threshold is None else gain >= self.threshold)


def check(objectives: Sequence[Objective], parameters: Sequence[str], columns: Sequence[str] | None = None) -> None:
    """Raise ObjectiveError unless the objectives can be used together.

    parameters: names of the space, which formulae may use as well. columns: those that are measured, when known.
    """
    out = [] if objectives else ["there are no objectives; give at least one"]
    names = [o.name for o in objectives]
    out += [f"the objective {n} is there twice; rename one" for n in dict.fromkeys(names) if names.count(n) > 1]
    out += [f"{n} is a parameter and cannot be an objective; rename one" for n in names if n in parameters]
    if columns is not None:
        out += [f"the column {n} has a parameter's name; rename one" for n in columns if n in parameters]
        for objective in objectives:
            for n in sorted(objective.needs - set(columns) - set(parameters)):
                near = did_you_mean(n, [*columns, *parameters])
                out.append(f"{objective.name}: there is no column {n}{near}; there are {', '.join(columns)}")
    if out:
        raise ObjectiveError(out)


def _or(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"
