"""Bayesian optimisation: a Gaussian process and an acquisition function."""

from dataclasses import dataclass, field

import numpy as np
from scipy.special import ndtr

from optimiser.acquisition import UCB, Acquisition, sign
from optimiser.history import History
from optimiser.maximise import maximise
from optimiser.space import Array, ExhaustedError, Point
from optimiser.strategies.initial import InitialStrategy, spread
from optimiser.suggestion import Suggestion
from optimiser.surrogate import FitError, Posterior, fit


@dataclass(frozen=True)
class GPStrategy:
    """`initial` experiments spread over the space, then the point of largest acquisition."""

    acquisition: Acquisition = field(default_factory=UCB)
    initial: int = 5

    def ask(self, history: History, n: int = 1, posterior: Posterior | None = None) -> tuple[Suggestion, ...]:
        """posterior: `fit(history)` when the caller has it already; it saves the fit and changes nothing."""
        known = len(history.observations) + len(history.pending)
        first = min(n, max(0, self.initial - known))
        out = InitialStrategy().ask(history, first) if first else ()
        if first == n:
            return out
        rng = history.rng()
        chosen = tuple(s.point for s in out)
        try:
            model = posterior or fit(history)
        except FitError as error:
            why = f"There is no surrogate ({error}), so this point is spread out from the others instead."
            points = spread(history, n - first, rng, chosen)
            return (*out, *(Suggestion(p, None, None, None, why, "initial") for p in points))
        failed = tuple(o.point for o in history.observations if o.value is None)
        middle = float(np.median([o.value for o in history.usable if o.value is not None]))
        belief = model.believing(failed, at_best=middle).believing((*history.pending, *chosen))
        incumbent = model.incumbent()
        best = incumbent.mean if incumbent else model.offset
        for _ in range(n - first):
            try:
                suggestion = self._next(belief, best, history, rng, chosen)
            except ExhaustedError:
                if not out:
                    raise
                break
            out, chosen = (*out, suggestion), (*chosen, suggestion.point)
            belief = belief.believing((suggestion.point,))
        return out

    def _next(
        self, belief: Posterior, best: float, history: History, rng: np.random.Generator, also: tuple[Point, ...]
    ) -> Suggestion:
        def score(X: Array) -> Array:
            return self.acquisition.rank(*belief.predict_encoded(X), best, history.direction)

        point = maximise(score, history, rng, also)
        mean, sd = belief.predict([point])
        value = self.acquisition.value(mean, sd, best, history.direction)
        reason = explain(self.acquisition, history, point, float(mean[0]), float(sd[0]), best)
        return Suggestion(point, float(mean[0]), float(sd[0]), float(value[0]), reason, self.acquisition.name)


def explain(acquisition: Acquisition, history: History, point: Point, mean: float, sd: float, best: float) -> str:
    """One sentence: how much is promise and how much curiosity, the chance to beat the best, what lies nearest.

    Promise is what the mean gains over the middle of the measured values, curiosity is beta * sd (beta 1 for
    acquisitions without it).
    """
    values = [o.value for o in history.usable if o.value is not None]
    up = sign(history.direction)
    promise = max(0.0, up * (mean - float(np.median(values))))
    curiosity = float(getattr(acquisition, "beta", 1.0)) * sd
    share = round(100 * promise / (promise + curiosity)) if promise + curiosity > 0 else 0
    chance = round(100 * float(ndtr(up * (mean - best) / max(sd, 1e-300))))
    apart = np.abs(history.space.encode([o.point for o in history.usable]) - history.space.encode([point])).max(
        axis=1
    )
    nearest = int(apart.argmin())
    return (
        f"Expected {_figures(mean, 4)} ± {_figures(sd, 2)}: {share} % promise and {100 - share} % curiosity,"
        f" with a chance of {chance} % to beat the best so far ({_figures(best, 4)}); the nearest measured point,"
        f" {100 * apart[nearest]:.0f} % of a range away, gave {_figures(values[nearest], 4)}."
    )


def _figures(value: float, count: int) -> str:
    """So many figures, never as a power of ten: 110, not 1.1e+02."""
    text = f"{value:.{count}g}"
    return f"{float(text):.0f}" if "e+" in text else text
