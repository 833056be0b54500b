"""The surrogate: a Gaussian process fitted to what was observed."""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from scipy.linalg import LinAlgError

from optimiser.blas import one_thread
from optimiser.history import History, Observation
from optimiser.kernels import Correlation
from optimiser.posterior import Incumbent, Posterior, encoded
from optimiser.regressor import JITTER, MapRegressor, Starts
from optimiser.space import Array

__all__ = ["FitError", "Incumbent", "Model", "Posterior", "fit"]

MOST = 1e6
"""Standard deviations, of the values, above which an observation says nothing: more would only overflow."""

LEAST = 1e-305
"""Of values below this no scale can be told: parts of it are not held by floats."""

LARGEST = 1e305
"""Of values beyond this the beliefs could not be held by floats."""


class FitError(RuntimeError):
    """The surrogate cannot be fitted to what has been observed; the message says why."""


@dataclass(frozen=True)
class Model:
    """What is assumed: how smooth the objective is."""

    correlation: Correlation = field(default_factory=Correlation)


@one_thread()
def fit(history: History, warm: Posterior | None = None, model: Model | None = None) -> Posterior:
    """The posterior after all usable observations. Raises FitError.

    warm: an earlier posterior whose hyperparameters are tried as one more start.
    """
    model = model or Model()
    seen = history.usable
    if not seen:
        raise FitError("nothing has been measured yet")
    simulated = np.array([o.origin == "simulated" for o in seen])
    mixed = bool(simulated.any() and not simulated.all())
    y, offset, scale = _standardised(seen, simulated if mixed else np.zeros(len(seen), dtype=bool))
    X = encoded(history.space, [o.point for o in seen])
    with np.errstate(over="ignore"):
        own = np.minimum(np.array([o.sd or 0.0 for o in seen]) / scale, MOST) ** 2 + JITTER
    d = X.shape[1]
    start = Starts(None if warm is None else warm.theta)
    regressor = MapRegressor(MapRegressor.kernel_for(model.correlation, d), alpha=own, optimizer=start)
    try:
        regressor.fit(X, y, simulated if mixed else None)
    except (LinAlgError, ValueError) as error:
        raise FitError(f"the surrogate could not be fitted: {error}") from error
    theta = regressor.theta_
    noise = own + np.exp(theta[d])
    return Posterior(
        space=history.space,
        direction=history.direction,
        X=X,
        y=y,
        lengthscales=np.exp(theta[:d]),
        noise=noise + simulated * np.exp(theta[d + 1]) if mixed else noise,
        offset=offset,
        scale=scale,
        theta=theta,
        evidence=float(regressor.log_marginal_likelihood_value_),
        measured=tuple(o.point for o in seen),
        correlation=model.correlation,
        simulated=simulated if mixed else None,
    )


def _standardised(seen: tuple[Observation, ...], apart: npt.NDArray[np.bool_]) -> tuple[Array, float, float]:
    """Values less their mean, in standard deviations; those in `apart` less their own mean."""
    values = np.array([o.value for o in seen], dtype=float)
    size = float(np.abs(values).max())
    if size > LARGEST:
        raise FitError(f"a value of {size:g} is too large to reckon with; give the values in a larger unit")
    size = max(size, LEAST) if size else 1.0
    own = values / size
    offset = float(own[~apart].mean())
    centred = own - offset
    if apart.any():
        centred[apart] = own[apart] - own[apart].mean()
    scale = float(centred.std())
    if not scale > 1e-12:
        return centred, offset * size, size
    return centred / scale, offset * size, scale * size
