"""Our strategies on a pool, asked as a script of a user's would."""

from collections.abc import Callable

from optimiser.blas import one_thread
from optimiser.history import Direction, History, Observation
from optimiser.space import Categorical, Continuous, Parameter, SearchSpace
from optimiser.strategies.gp import GPStrategy
from tests.benchmarks.pools.pool import INITIAL, Pool


def space_of(pool: Pool) -> SearchSpace:
    parameters: list[Parameter] = []
    for i, name in enumerate(pool.features):
        if pool.categorical[i]:
            parameters.append(Categorical(name, pool.choices(i)))
        else:
            values = [float(row[i]) for row in pool.rows]
            parameters.append(Continuous(name, min(values), max(values)))
    rows = tuple(dict(zip(pool.features, row, strict=True)) for row in pool.rows)
    return SearchSpace(tuple(parameters), candidates=rows)


def choose(pool: Pool, seed: int, strategy: GPStrategy | None = None) -> Callable[[list[int]], int]:
    space = space_of(pool)
    assert space.candidates is not None
    row_of = {space.key(point): i for i, point in enumerate(space.candidates)}
    direction: Direction = "minimise" if pool.minimised else "maximise"
    up = -1.0 if pool.minimised else 1.0
    strategy = strategy or GPStrategy(initial=INITIAL)

    def choose(measured: list[int]) -> int:
        seen = tuple(Observation(space.candidates[i], up * float(pool.y[i])) for i in measured)  # type: ignore[index]
        with one_thread():
            (suggestion,) = strategy.ask(History(space, direction, seed, seen))
        return row_of[space.key(suggestion.point)]

    return choose
