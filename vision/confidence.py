"""How often a reading like this one is right: the explanation's own chances, made as true as they sound.

A logistic map (Platt, Advances in Large Margin Classifiers, 1999) from the logits of the chances and from what
troubles the picture to the share of readings that were right; fitted by tests/vision/fit_column.py on scenes that
did not make the chances.
"""

import numpy as np

from vision.confidence_weights import CONFIDENCE
from vision.explain import Explanation, sigmoid
from vision.reading import Doubt

TRAITS = ("bias", "surface", "boundary", "kinds", "weakest", "doubt", "empty", "uneven")


def traits(found: Explanation, doubt: Doubt) -> tuple[float, ...]:
    """What the map weighs, in the order of TRAITS. uneven: how much the middle bands differ from each other."""
    logits = [_logit(chance) for chance in found.chances]
    uneven = float(np.log1p(np.abs(found.rows.bands).mean() / 0.01))
    return (1.0, *logits, min(logits), float(bool(doubt)), float(not found.layers), uneven)


def confidence(found: Explanation, doubt: Doubt) -> float:
    """0..1: how often such a reading is right."""
    return sigmoid(float(np.dot([CONFIDENCE[name] for name in TRAITS], traits(found, doubt))))


def _logit(chance: float) -> float:
    held = min(max(chance, 2e-3), 1 - 2e-3)
    return float(np.log(held / (1 - held)))
