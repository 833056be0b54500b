"""What is wanted of several quantities, and what was measured of them."""

import math
from dataclasses import FrozenInstanceError

import numpy as np
import pytest

from optimiser.objectives.objective import Objective, ObjectiveError
from optimiser.objectives.results import Results
from optimiser.space import Categorical, Continuous, SearchSpace
from optimiser.surrogate import fit

SPACE = SearchSpace((Continuous("T", 20, 80, "°C"), Categorical("solvent", ("water", "DMF"))))
YIELD, IMPURITY = (
    Objective("yield", "maximise", "%", at_least=80),
    Objective("impurity", "minimise", "%", at_most=2),
)
POINTS = [{"T": 20.0 + 10 * i, "solvent": ("water", "DMF")[i % 2]} for i in range(6)]


@pytest.mark.parametrize(
    ("objective", "values", "gains", "met"),
    [
        (Objective("y", "maximise", at_least=5), [4, 5, 6], [4, 5, 6], [0, 1, 1]),
        (Objective("y", "minimise", at_most=5), [4, 5, 6], [-4, -5, -6], [1, 1, 0]),
        (Objective("y", "target", target=7, tolerance=1), [5, 6, 7, 8.5], [-2, -1, 0, -1.5], [0, 1, 1, 0]),
        (Objective("y", "window", at_least=2, at_most=4), [1, 2, 3, 4, 7], [-1, 0, 0, 0, -3], [0, 1, 1, 1, 0]),
        (Objective("y", "target", target=7), [5, 7], [-2, 0], [1, 1]),
        (Objective("y", "maximise"), [-5, np.nan], [-5, np.nan], [1, 0]),
        (Objective("y", "window", at_least=-1e300, at_most=1e300), [-1e300, 1.5e300], [0, -5e299], [1, 0]),
    ],
)
def test_goals_are_gains_and_thresholds(objective: Objective, values: list, gains: list, met: list) -> None:
    assert objective.gain(np.array(values)) == pytest.approx(np.array(gains), nan_ok=True)
    assert objective.met(np.array(values)).tolist() == [bool(m) for m in met]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"name": " "}, "no name"),
        (
            {"name": "y", "goal": "maximize"},
            r'no goal .*did you mean "maximise".*choose maximise, minimise, target or',
        ),
        ({"name": "y", "at_most": 3}, "at_most has no meaning for maximise; .* minimise or window"),
        ({"name": "y", "goal": "target"}, "a target needs target"),
        ({"name": "y", "goal": "target", "target": 3, "at_least": 2}, "at_least has no meaning for target"),
        ({"name": "y", "goal": "target", "target": 3, "tolerance": 0}, "tolerance is 0; give a number above 0"),
        ({"name": "y", "goal": "window", "at_least": 3}, "a window needs at_most"),
        ({"name": "y", "goal": "window", "at_least": 3, "at_most": 3}, "not below at_most"),
        ({"name": "y", "at_least": math.nan}, "at_least is nan; give a finite number"),
        ({"name": "y", "at_least": math.inf}, "at_least is inf"),
        ({"name": "y", "at_least": "high"}, "at_least is 'high'"),
        ({"name": "y", "at_least": True}, "at_least is True"),
        ({"name": "y", "weight": 0}, "weight is 0; give a finite number above 0"),
        ({"name": "y", "formula": "a ^ b"}, r'the formula "a \^ b": .*\*\*'),
        ({"name": "y", "at_least": 3, "worthless": 3}, "not below at_least"),
        ({"name": "y", "goal": "minimise", "at_most": 3, "worthless": 2}, "not above at_most"),
        ({"name": "y", "goal": "target", "target": 3, "tolerance": 2, "worthless": 1}, "give one above 2"),
    ],
)
def test_contradictions_are_refused_with_a_sentence(wrong: dict, said: str) -> None:
    with pytest.raises(ObjectiveError, match=said):
        Objective(**wrong)


def test_all_mistakes_are_named_at_once() -> None:
    with pytest.raises(ObjectiveError) as caught:
        Objective("y", "minimise", at_least=1, weight=math.nan, formula="1 +")
    assert len(caught.value.mistakes) == 3
    good = Objective("selectivity", formula="productt / conversion")
    with pytest.raises(ObjectiveError) as caught:
        Results(SPACE, (good, good, Objective("T")), columns=("product", "conversion", "solvent"))
    said = str(caught.value)
    assert 'no column productt (did you mean "product"?); there are product, conversion' in said
    assert "selectivity is there twice" in said
    assert "T is a parameter" in said
    assert "solvent has a parameter's name" in said
    with pytest.raises(ObjectiveError, match="no objectives"):
        Results(SPACE, ())


def test_results_are_immutable_and_remember() -> None:
    empty = Results(SPACE, (YIELD, IMPURITY), seed=3)
    asked = empty.with_pending(POINTS[0]).with_pending(POINTS[1])
    told = asked.tell(POINTS[0], {"yield": 70, "impurity": np.float32(3.0)})
    assert (len(empty.rows), len(asked.pending), told.pending) == (0, 2, (POINTS[1],))
    assert told.values.tolist() == [[70.0, 3.0]]
    with pytest.raises(FrozenInstanceError):
        told.seed = 4  # type: ignore[misc]
    histories = [told.history(o) for o in (YIELD, "impurity")]
    assert [h.direction for h in histories] == ["maximise", "minimise"]
    assert [h.observations[0].value for h in histories] == [70.0, 3.0]
    assert {h.seed for h in histories} == {3}
    with pytest.raises(ObjectiveError, match=r'no objective yeild \(did you mean "yield"\?\)'):
        told.history("yeild")


@pytest.mark.parametrize(
    ("readings", "said"),
    [
        ({"yield": math.nan, "impurity": 1.0}, "yield is nan; give a finite number, or None"),
        ({"yield": 1.0, "impurity": -math.inf}, "impurity is -inf"),
        ({"yield": "high", "impurity": 1.0}, "yield is 'high'"),
        ({"yield": True, "impurity": 1.0}, "yield is True"),
        ({"yield": 1.0}, "impurity is missing; give its value, or None"),
        ({"Yield": 1.0, "impurity": 1.0}, 'no column Yield .did you mean "yield".*; yield is missing'),
    ],
)
def test_readings_that_are_none_are_refused(readings: dict, said: str) -> None:
    with pytest.raises(ObjectiveError, match=said):
        Results(SPACE, (YIELD, IMPURITY)).tell(POINTS[0], readings)


def test_a_standard_deviation_reaches_its_own_objective() -> None:
    results = Results(SPACE, (YIELD, IMPURITY)).tell(POINTS[0], {"yield": 1.0, "impurity": 2.0}, sd={"yield": 0.5})
    assert [results.history(n).observations[0].sd for n in ("yield", "impurity")] == [0.5, None]
    with pytest.raises(ObjectiveError, match="standard deviation of yield is -1"):
        results.tell(POINTS[1], {"yield": 1.0, "impurity": 2.0}, sd={"yield": -1})


def test_a_row_whose_one_measurement_failed_still_teaches_the_other_objective() -> None:
    results = Results(SPACE, (YIELD, IMPURITY))
    for i, point in enumerate(POINTS):
        results = results.tell(point, {"yield": float(i), "impurity": None if i in (1, 2) else float(i * i)})
    assert [len(results.history(o).usable) for o in results.objectives] == [6, 4]
    assert len(fit(results.history("yield")).y) == 6
    assert [o.label for o in results.experiments.observations].count("failed") == 2
    assert len(results.averages.points) == 4
    again = results.tell(POINTS[1], {"yield": None, "impurity": 1.0})
    assert again.averages.values[-4].tolist() == [1.0, 1.0], "the two halves of a point make a whole"


def test_a_formula_that_has_no_number_is_a_failed_measurement() -> None:
    selectivity = Objective("selectivity", formula="product / conversion / (T / 20)")
    results = Results(SPACE, (selectivity, Objective("conversion")))
    assert results.columns == ("conversion", "product")
    for conversion, product in ((2.0, 1.0), (0.0, 1.0), (None, 1.0), (1e-300, 1e300)):
        results = results.tell(POINTS[0], {"conversion": conversion, "product": product})
    assert results.values[:, 0] == pytest.approx([0.5, np.nan, np.nan, np.nan], nan_ok=True)
    assert [o.value for o in results.history("selectivity").observations] == [0.5, None, None, None]
    assert len(results.history("conversion").usable) == 3


def test_labels_may_change_at_any_time() -> None:
    results = Results(SPACE, (YIELD, IMPURITY))
    for i in range(3):
        results = results.tell(POINTS[i], {"yield": 50.0 + i, "impurity": 3.0})
    results = results.tell(POINTS[3], {}, "infeasible").relabel(1, "outlier")
    assert results.history("yield").infeasible == (POINTS[3],)
    assert [o.value for o in results.history("yield").usable] == [50.0, 52.0]
    assert len(results.averages.points) == 2
    assert len(results.relabel(1, "measured").averages.points) == 3
    with pytest.raises(ValueError, match="there is no row 9; there are 4"):
        results.relabel(9, "outlier")


def test_replicates_are_averaged_and_the_front_is_what_nothing_beats() -> None:
    results = Results(SPACE, (YIELD, IMPURITY))
    rows = [(0, 99.0, 1.0), (0, 61.0, 3.0), (1, 70.0, 1.0), (2, 85.0, 1.5), (3, 84.0, 1.6), (4, 60.0, 0.5)]
    for i, y, impurity in rows:
        results = results.tell(POINTS[i], {"yield": y, "impurity": impurity})
    assert results.averages.values[0].tolist() == [80.0, 2.0]
    assert results.averages.n.tolist() == [2, 1, 1, 1, 1]
    front = results.front()
    assert sorted(front.values[:, 0]) == [60.0, 70.0, 85.0], "the lucky 99 is not on the front"
    assert front.values[results.met(front.values), 0].tolist() == [85.0]
    assert results.met(results.averages.values).tolist() == [True, False, True, True, False]


@pytest.mark.parametrize("scale", [1e300, 1e-300])
def test_averages_of_extreme_numbers(scale: float) -> None:
    results = Results(SPACE, (Objective("y"),))
    for _ in range(4):
        results = results.tell(POINTS[0], {"y": scale})
    assert results.averages.values[0, 0] == pytest.approx(scale, rel=1e-12)
