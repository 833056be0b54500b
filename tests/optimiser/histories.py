"""Histories of every kind for property tests: any space, any scale, repeats, failures, simulated rows."""

import numpy as np
from hypothesis import strategies as st

from optimiser.history import History, Observation
from optimiser.space import Categorical, Continuous, LinearConstraint, Mixture, SearchSpace, Stepped

PARTS = ("a", "b", "c")
SPACES = (
    SearchSpace((Continuous("x", 0, 10, "°C"), Continuous("y", -1, 1))),
    SearchSpace((Continuous("x", 0, 1), Continuous("fixed", 2, 2), Categorical("solvent", ("water", "DMF")))),
    SearchSpace((Stepped("s", 0, 4, 1, "mL"), Categorical("only", ("one",)))),
    SearchSpace(tuple(Continuous(n, 0, 1) for n in PARTS), Mixture(PARTS, 1.0)),
    SearchSpace(tuple(Stepped(n, 0, 100, 10, "%") for n in PARTS), Mixture(PARTS, 100)),
    SearchSpace((Continuous("x", 0, 1),), candidates=tuple({"x": i / 8} for i in range(9))),
    SearchSpace(
        (Continuous("x", 0, 1), Stepped("s", 0, 10, 1)),
        constraints=(LinearConstraint({"x": 10.0, "s": 1.0}, "<=", 12),),
    ),
    SearchSpace(tuple(Continuous(f"x{i}", 0, 1) for i in range(40))),
)


@st.composite
def histories(draw: st.DrawFn) -> History:
    """At least one usable, measured observation."""
    space = draw(st.sampled_from(SPACES))
    seed = draw(st.integers(0, 99))
    count = draw(st.integers(1, 14))
    points = space.sample(min(count, draw(st.integers(1, 14))), np.random.default_rng(seed))
    size = draw(st.sampled_from([1e-300, 1e-9, 1.0, 1e9, 1e300]))
    shift = draw(st.sampled_from([0.0, 1.0]))
    constant = draw(st.booleans())
    history = History(space, draw(st.sampled_from(["maximise", "minimise"])), seed)
    for i in range(count):
        value = size * (shift + (0.5 if constant else draw(st.floats(-1, 1))))
        label = (
            "measured" if i == 0 else draw(st.sampled_from(["measured"] * 6 + ["failed", "infeasible", "outlier"]))
        )
        origin = "measured" if i == 0 else draw(st.sampled_from(["measured", "measured", "simulated"]))
        sd = draw(st.sampled_from([None, 0.0, 0.1 * abs(value), 10 * size / 3, 1e-300, 1e300]))
        history = history.tell(Observation(points[i % len(points)], value, sd, origin, label))
    for point in points[: draw(st.integers(0, 1))]:
        history = history.with_pending(point)
    return history
