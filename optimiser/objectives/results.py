"""What was measured of several quantities at each point. Immutable; `tell` returns new results.

Each objective has its own `History`, from which its own surrogate is fitted, so a row of which one measurement
failed still teaches the other objectives.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import get_args

import numpy as np
import numpy.typing as npt

from optimiser.given import amiss, check_count, did_you_mean, shown
from optimiser.history import Direction, History, Label, Observation
from optimiser.objectives.objective import Objective, ObjectiveError, check
from optimiser.objectives.pareto import non_dominated
from optimiser.parameters import Point, finite
from optimiser.point_checks import check_kinds
from optimiser.space import Array, SearchSpace


@dataclass(frozen=True)
class Row:
    """One experiment. readings: by column, in the column's unit; None for a failed measurement.

    sd: standard deviation of a reading, where known. label: as in `Observation`, for the whole experiment.
    """

    point: Point
    readings: Mapping[str, float | None]
    label: Label = "measured"
    sd: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.label not in get_args(Label):
            raise ObjectiveError([f"the label is {shown(self.label)}; choose one of {', '.join(get_args(Label))}"])


@dataclass(frozen=True, eq=False)
class Averages:
    """points: p different ones, of which every objective was measured. values: (p, k), means over replicates, in
    the objectives' units. gains: (p, k), of the values. n: (p,), rows behind each."""

    points: tuple[Point, ...]
    values: Array
    gains: Array
    n: npt.NDArray[np.intp]


@dataclass(frozen=True)
class Results:
    """All experiments of one campaign with several objectives, the points asked for but not yet told, and the seed.

    columns: what is measured at each point; by default what the objectives need, apart from parameters.
    Raises ObjectiveError, which names all mistakes at once, and ValueError for a seed that is no whole number.
    """

    space: SearchSpace
    objectives: tuple[Objective, ...]
    seed: int = 0
    rows: tuple[Row, ...] = ()
    pending: tuple[Point, ...] = ()
    columns: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check(self.objectives, self.space.names, self.columns or None)
        check_count("the seed is", self.seed, 0)
        if not self.columns:
            needed = [n for o in self.objectives for n in sorted(o.needs) if n not in self.space.names]
            object.__setattr__(self, "columns", tuple(dict.fromkeys(needed)))

    def tell(
        self,
        point: Point,
        readings: Mapping[str, float | None],
        label: Label = "measured",
        sd: Mapping[str, float] | None = None,
    ) -> "Results":
        """New results with the row, its point no longer pending. Raises ObjectiveError and SpaceError.

        The point may lie out of bounds, as those measured before a bound was narrowed do.
        readings: each column's, None for a measurement that failed; nothing at all ({}) when the experiment did.
        """
        check_kinds(self.space.parameters, point)
        self._check(readings, sd or {})
        row = Row(
            point, {c: None if (v := readings.get(c)) is None else float(v) for c in self.columns}, label, sd or {}
        )
        left = list(self.pending)
        if point in left:
            left.remove(point)
        return replace(self, rows=(*self.rows, row), pending=tuple(left))

    def _check(self, readings: Mapping[str, float | None], sd: Mapping[str, float]) -> None:
        out = []
        for name in (*readings, *(n for n in sd if n not in readings)):
            if name not in self.columns:
                near = did_you_mean(name, self.columns)
                out.append(f"there is no column {name}{near}; there are {', '.join(self.columns)}")
        if readings:
            out += [
                f"{c} is missing; give its value, or None if it failed" for c in self.columns if c not in readings
            ]
        for name, value in readings.items():
            if value is not None and not finite(value):
                instead = "give a finite number, or None for a failed measurement"
                out.append(f"{name} is {amiss(value, instead)}")
        for name, value in sd.items():
            if not (finite(value) and value >= 0):
                instead = "give a finite number from 0 up"
                out.append(f"the standard deviation of {name} is {amiss(value, instead)}")
        if out:
            raise ObjectiveError(out)

    def with_pending(self, point: Point) -> "Results":
        check_kinds(self.space.parameters, point)
        return replace(self, pending=(*self.pending, point))

    def relabel(self, index: int, label: Label) -> "Results":
        """New results in which row `index` (from 0, in order) is something else. Raises ValueError."""
        if index not in range(len(self.rows)):
            raise ValueError(f"there is no row {shown(index)}; there are {len(self.rows)}")
        rows = list(self.rows)
        rows[index] = replace(rows[index], label=label)
        return replace(self, rows=tuple(rows))

    @cached_property
    def values(self) -> Array:
        """(rows, objectives), in the objectives' units; NaN where the measurement failed."""
        return np.array([[self._value(row, o) for o in self.objectives] for row in self.rows], dtype=float).reshape(
            len(self.rows), len(self.objectives)
        )

    def _value(self, row: Row, objective: Objective) -> float:
        if objective.parsed is None:
            value = row.readings[objective.name]
        else:
            numbers = {n: v for n, v in row.point.items() if not isinstance(v, str)}
            value = objective.parsed.measured({**numbers, **row.readings})
        return np.nan if value is None else value

    def history(self, objective: Objective | str) -> History:
        """One objective's own, for `surrogate.fit`; its values are no gains. Raises ObjectiveError."""
        names = [o.name for o in self.objectives]
        name = objective if isinstance(objective, str) else objective.name
        if name not in names:
            raise ObjectiveError(
                [f"there is no objective {name}{did_you_mean(name, names)}; there are {', '.join(names)}"]
            )
        wanted = self.objectives[names.index(name)]
        sds = [r.sd.get(name) if wanted.formula is None else None for r in self.rows]
        return self._told(self.values[:, names.index(name)], sds, wanted)

    @cached_property
    def experiments(self) -> History:
        """Which points were tried: measured where every objective was, failed where one of them could not be.

        For what only asks which points are left (`maximise`, `InitialStrategy`); its values are all zero.
        """
        complete = np.where(np.isnan(self.values).any(axis=1), np.nan, 0.0)
        return self._told(complete, [None] * len(self.rows), self.objectives[0])

    def _told(self, values: Array, sds: list[float | None], objective: Objective) -> History:
        seen = tuple(
            Observation(r.point, None if np.isnan(v) else float(v), sd, label=_label(r.label, bool(np.isnan(v))))
            for r, v, sd in zip(self.rows, values, sds, strict=True)
        )
        direction: Direction = "minimise" if objective.goal == "minimise" else "maximise"
        return History(self.space, direction, self.seed, seen, self.pending)

    @cached_property
    def averages(self) -> Averages:
        """Replicates averaged; only rows that count as measured, and points of which every objective was."""
        groups: dict[tuple[float | str, ...], list[int]] = {}
        for i, row in enumerate(self.rows):
            if row.label == "measured":
                groups.setdefault(self.space.key(row.point), []).append(i)
        k = len(self.objectives)
        points, values, n = [], [], []
        for at in groups.values():
            known = ~np.isnan(self.values[at])
            if known.any(axis=0).all():
                points.append(self.rows[at[0]].point)
                # each part is divided before it is summed, so that the largest numbers do not overflow
                values.append([np.sum(self.values[at, j][known[:, j]] / known[:, j].sum()) for j in range(k)])
                n.append(len(at))
        out = np.array(values, dtype=float).reshape(-1, k)
        return Averages(tuple(points), out, self.gains(out), np.array(n, dtype=np.intp))

    def gains(self, values: Array) -> Array:
        """(m, k) values to (m, k) gains, all larger-is-better."""
        return np.column_stack([o.gain(values[:, j]) for j, o in enumerate(self.objectives)])

    def met(self, values: Array) -> npt.NDArray[np.bool_]:
        """(m, k) values to (m,): which rows meet every threshold. NaN meets none."""
        each = np.column_stack([o.met(values[:, j]) for j, o in enumerate(self.objectives)])
        return np.asarray(each.all(axis=1))

    def front(self) -> Averages:
        """The Pareto front: of the averages, those that nothing measured beats in one objective without losing in
        another."""
        all_ = self.averages
        keep = np.flatnonzero(non_dominated(all_.gains))
        return Averages(tuple(all_.points[i] for i in keep), all_.values[keep], all_.gains[keep], all_.n[keep])


def _label(label: Label, failed: bool) -> Label:
    return "failed" if failed and label == "measured" else label
