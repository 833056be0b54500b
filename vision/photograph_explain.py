"""Which line is the surface, and which the lower edge of a cap, or whether the vessel is empty.

Either choice is a multinomial between the candidates and "there is none", linear in what a line is like
(McFadden, 1974). A cap is above the surface: the two are weighed together. Weights: `vision.photograph_weights`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vision.colour import Floats
from vision.photograph_column import ROWS, SAME
from vision.photograph_weights import NONE, SURE, WEIGHTS

HEADS = ("surface", "cap")
SHARPNESS = {"surface": 2.0, "cap": 1.5}
"""The ridge makes the weights timid; the logits are multiplied by this."""
HIGHEST, LOWEST = 0.06, 0.98
"""Heights in the box, from its top, between which a surface can be."""
SLACK = 0.02
"""Chance that a cap's edge is no candidate at all."""
Named = Mapping[str, Floats]
"""What all candidates are like, by name."""


@dataclass(frozen=True)
class Explanation:
    """surface, cap: (n + 1,) probability of each candidate, the last of "there is none"; each adds up to 1.
    raw: logits of the surface before the cap and the sharpness."""

    places: tuple[int, ...]
    surface: Floats
    cap: Floats
    raw: Floats

    @property
    def best(self) -> int:
        """The most probable surface, if there is one at all."""
        return int(self.surface[:-1].argmax())

    def near(self, i: int) -> npt.NDArray[np.bool_]:
        """Which candidates are the same line as candidate i."""
        return np.asarray(np.abs(np.array(self.places) - self.places[i]) <= SAME)


def softmax(scores: Floats) -> Floats:
    """Shares that add up to 1."""
    share = np.exp(scores - scores.max())
    return np.asarray(share / share.sum())


def named(described: Sequence[Mapping[str, float]]) -> dict[str, Floats]:
    """The same, name by name."""
    return {name: np.array([d[name] for d in described]) for name in described[0]}


def against(table: Named) -> Floats:
    """What speaks for "there is none": nothing (the constant), the best vote, the best line."""
    return np.array([1.0, table["vote broad step"].max(), table["line"].max()])


def explain(table: Named, places: tuple[int, ...]) -> Explanation:
    """How likely every line is the surface, and the cap's lower edge."""
    weights = np.array(list(WEIGHTS.values()))
    lines = (np.stack([table[name] for name in WEIGHTS], axis=1) - weights[:, 0]) / weights[:, 1]
    none = against(table)
    return combine(
        {h: np.append(lines @ weights[:, 2 + i], none @ np.array(NONE[h])) for i, h in enumerate(HEADS)}, places
    )


def combine(logits: Mapping[str, Floats], places: tuple[int, ...]) -> Explanation:
    """The choices, with the surface below the cap."""
    share = {head: softmax(SHARPNESS[head] * logits[head]) for head in HEADS}
    cap, height = share["cap"], np.array(places) / ROWS
    above = np.concatenate([[0.0], np.cumsum(cap[:-2])]) + cap[-1] + SLACK
    surface = share["surface"].copy()
    surface[:-1] *= above * ((height >= HIGHEST) & (height <= LOWEST)) + 1e-12
    return Explanation(places, surface / surface.sum(), cap, logits["surface"])


def doubts(table: Named, found: Explanation) -> Floats:
    """What speaks for the best surface being right: a constant, its odds against all other lines, its logit above
    that of an empty vessel, its strength, and whether it goes on outside the glass."""
    i = found.best
    share = float(found.surface[:-1][found.near(i)].sum() / (found.surface[:-1].sum() + 1e-12))
    odds = np.log(share / (1 - share + 1e-4))
    return np.array([1.0, odds, found.raw[i] - found.raw[-1], table["line"][i], table["on both"][i]])


def confidence(table: Named, found: Explanation) -> float:
    """How often such a surface is right, within 2 % of the height."""
    return float(1 / (1 + np.exp(-np.clip(doubts(table, found) @ np.array(SURE), -30, 30))))
