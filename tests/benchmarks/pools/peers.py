"""Other people's optimisers, each as it comes, asked for the next row of a pool.

Needs `requirements.txt` of this folder, in an environment of its own. Categories are one-hot where the tool has
none of its own; a tool without candidate tables is asked in the box and gets the nearest unmeasured row.
"""

# mypy: ignore-errors
# Each peer is loaded when it is asked: they weigh seconds.
import warnings
from collections.abc import Callable

import numpy as np

from tests.benchmarks.pools.pool import Pool

Choose = Callable[[list[int]], int]
"""Row numbers measured so far to the next one."""


def left(pool: Pool, measured: list[int]) -> np.ndarray:
    return np.setdiff1d(np.arange(len(pool)), measured)


def botorch(pool: Pool, seed: int) -> Choose:
    """SingleTaskGP as it comes (RBF, scaled priors) and log expected improvement, exact over the pool."""
    import torch
    from botorch.acquisition import LogExpectedImprovement
    from botorch.fit import fit_gpytorch_mll
    from botorch.models import SingleTaskGP
    from gpytorch.mlls import ExactMarginalLogLikelihood

    torch.set_num_threads(1)
    torch.manual_seed(seed)
    X = torch.tensor(pool.X, dtype=torch.double)

    def choose(measured: list[int]) -> int:
        y = torch.tensor(pool.y[measured], dtype=torch.double)[:, None]
        model = SingleTaskGP(X[measured], y)
        fit_gpytorch_mll(ExactMarginalLogLikelihood(model.likelihood, model))
        rest = left(pool, measured)
        with torch.no_grad():
            worth = LogExpectedImprovement(model, best_f=y.max())(X[rest][:, None, :])
        return int(rest[int(worth.argmax())])

    return choose


def baybe(pool: Pool, seed: int) -> Choose:
    """A Campaign with its default recommender over the table; measured rows are not offered again."""
    import pandas as pd
    import torch
    from baybe import Campaign
    from baybe.parameters import CategoricalParameter, NumericalDiscreteParameter
    from baybe.searchspace import SearchSpace
    from baybe.searchspace.discrete import SubspaceDiscrete
    from baybe.settings import active_settings
    from baybe.targets import NumericalTarget

    torch.set_num_threads(1)
    active_settings.random_seed = seed
    frame = pd.DataFrame([dict(zip(pool.features, row, strict=True)) for row in pool.rows])
    parameters = [
        CategoricalParameter(name, pool.choices(i))
        if pool.categorical[i]
        else NumericalDiscreteParameter(name, sorted({float(r[i]) for r in pool.rows}))
        for i, name in enumerate(pool.features)
    ]
    space = SearchSpace(discrete=SubspaceDiscrete.from_dataframe(frame, parameters=parameters))
    campaign = Campaign(space, NumericalTarget("y").to_objective(), allow_recommending_already_measured=False)
    row_of = {tuple(row): i for i, row in enumerate(pool.rows)}
    told: list[int] = []

    def choose(measured: list[int]) -> int:
        new = measured[len(told) :]
        campaign.add_measurements(frame.iloc[new].assign(y=pool.y[new]))
        told.extend(new)
        answer = campaign.recommend(1).iloc[0]
        return row_of[tuple(answer[name] for name in pool.features)]

    return choose


def optuna(pool: Pool, seed: int) -> Choose:
    """GPSampler, asked in the box."""
    import optuna as library

    library.logging.set_verbosity(library.logging.ERROR)
    sampler = library.samplers.GPSampler(seed=seed, n_startup_trials=1)
    study = library.create_study(direction="maximize", sampler=sampler)
    distributions = {}
    for i, name in enumerate(pool.features):
        if pool.categorical[i]:
            distributions[name] = library.distributions.CategoricalDistribution(pool.choices(i))
        else:
            values = [float(r[i]) for r in pool.rows]
            distributions[name] = library.distributions.FloatDistribution(min(values), max(values))
    told: list[int] = []

    def encoded(parameters: dict) -> np.ndarray:
        out = []
        for i, name in enumerate(pool.features):
            value = parameters[name]
            if pool.categorical[i]:
                out += [float(value == c) for c in pool.choices(i)]
            else:
                low, high = distributions[name].low, distributions[name].high
                out.append((value - low) / ((high - low) or 1.0))
        return np.array(out)

    def choose(measured: list[int]) -> int:
        for row in measured[len(told) :]:
            parameters = dict(zip(pool.features, pool.rows[row], strict=True))
            study.add_trial(
                library.trial.create_trial(params=parameters, distributions=distributions, value=float(pool.y[row]))
            )
            told.append(row)
        trial = study.ask(distributions)
        study.tell(trial, state=library.trial.TrialState.FAIL)
        rest = left(pool, measured)
        apart = ((pool.X[rest] - encoded(trial.params)) ** 2).sum(axis=1)
        return int(rest[int(apart.argmin())])

    return choose


def sklearn(pool: Pool, seed: int) -> Choose:
    """The common recipe: GaussianProcessRegressor, amplitude * Matern-5/2 ARD + white noise, 2 restarts, EI."""
    from scipy.stats import norm
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel

    kernel = ConstantKernel() * Matern(np.ones(pool.X.shape[1]), nu=2.5) + WhiteKernel()

    def choose(measured: list[int]) -> int:
        model = GaussianProcessRegressor(kernel, normalize_y=True, n_restarts_optimizer=2, random_state=seed)
        model.fit(pool.X[measured], pool.y[measured])
        rest = left(pool, measured)
        mean, sd = model.predict(pool.X[rest], return_std=True)
        gain = mean - pool.y[measured].max()
        z = gain / np.maximum(sd, 1e-12)
        return int(rest[int((gain * norm.cdf(z) + sd * norm.pdf(z)).argmax())])

    return choose


def skopt(pool: Pool, seed: int) -> Choose:
    """scikit-optimize's default GP for the space, and its expected improvement over the pool."""
    from skopt.acquisition import gaussian_ei
    from skopt.space import Categorical, Real
    from skopt.utils import cook_estimator, normalize_dimensions

    dimensions = [
        Categorical(pool.choices(i)) if text else Real(*_range(pool, i)) for i, text in enumerate(pool.categorical)
    ]
    space = normalize_dimensions(dimensions)
    X = np.array(space.transform([list(row) for row in pool.rows]), dtype=float)

    def choose(measured: list[int]) -> int:
        model = cook_estimator("GP", space=space, random_state=seed)
        model.fit(X[measured], -pool.y[measured])
        rest = left(pool, measured)
        worth = gaussian_ei(X[rest], model, y_opt=float((-pool.y[measured]).min()))
        return int(rest[int(np.argmax(worth))])

    return choose


def _range(pool: Pool, column: int) -> tuple[float, float]:
    values = [float(r[column]) for r in pool.rows]
    return min(values), max(values)


PEERS = (botorch, baybe, optuna, sklearn, skopt)
warnings.filterwarnings("ignore")
