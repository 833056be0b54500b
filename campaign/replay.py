"""A table of measured experiments as a bench: its rows are the only points that can be made."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np

from campaign.cells import number_of
from campaign.config_text import campaign_to_toml
from campaign.spec import CampaignSpec, ObjectiveSpec, StopSpec
from campaign.table import SUM_TOLERANCE, Point, Row, Table, TableError, experiments, read_table
from hardware.toml_file import MAX_BYTES, shown
from optimiser.space import Categorical, Continuous, Mixture, Parameter, SearchSpace

Key = tuple[tuple[str, float | str], ...]


def with_candidates(spec: CampaignSpec, table: Table) -> CampaignSpec:
    """The campaign with the table's different rows as the only points that can be made. Raises TableError."""
    points = tuple({_key(r.point): r.point for r in experiments(table, spec)}.values())
    narrowed = replace(spec, space=replace(spec.space, candidates=points))
    if len(campaign_to_toml(narrowed).encode()) > MAX_BYTES:
        raise TableError(table.path, (f"{len(points)} different rows are too many for one campaign",))
    return narrowed


def campaign_from_table(
    path: str | Path,
    *,
    direction: Literal["maximise", "minimise"] = "maximise",
    name: str | None = None,
    stop: StopSpec | None = None,
) -> CampaignSpec:
    """A campaign that replays a table: the last column is the objective, all others are parameters.

    A column of numbers spans from its smallest to its largest; one with text is categorical. Numbers that sum to
    the same total in every row are a mixture. Raises TableError.
    """
    path = Path(path)
    table = read_table(path)
    if "" in table.columns:
        raise TableError(path, (f"column {table.columns.index('') + 1} has no name; name or delete it",))
    if len(table.columns) < 2:
        raise TableError(path, ("expected parameters and, last, the objective; there is one column only",))
    if mistakes := list(_not_numbers(table)):
        raise TableError(path, mistakes)
    parameters = tuple(_spanned(n, [row[i] for row in table.rows]) for i, n in enumerate(table.columns[:-1]))
    objective = ObjectiveSpec("column", table.columns[-1], direction, column=table.columns[-1])
    space = SearchSpace(parameters, _mixture(table, parameters))
    spec = CampaignSpec(name or path.stem, space, objective, stop=stop or StopSpec())
    return with_candidates(spec, table)


def _not_numbers(table: Table) -> Iterator[str]:
    """Empty cells, and cells of words where most of the column are numbers: slips, not choices."""
    for i, name in enumerate(table.columns[:-1]):
        cells = [row[i] for row in table.rows]
        mostly_numbers = 2 * sum(number_of(c) is not None for c in cells) > len(cells)
        for number, cell in zip(table.numbers, cells, strict=True):
            if cell == "" or (mostly_numbers and number_of(cell) is None):
                wanted = "a number, as in most of the column" if mostly_numbers else "a value"
                found = f"got {shown(cell)}" if cell else "the cell is empty"
                yield f"row {number}, column {shown(name)}: expected {wanted}, {found}"


def _spanned(name: str, cells: Sequence[str]) -> Parameter:
    numbers = [n for c in cells if (n := number_of(c)) is not None]
    if len(numbers) < len(cells):
        return Categorical(name, tuple(dict.fromkeys(cells)))
    return Continuous(name, min(numbers), max(numbers))


def _mixture(table: Table, parameters: Sequence[Parameter]) -> Mixture | None:
    columns = [i for i, p in enumerate(parameters) if isinstance(p, Continuous)]
    if len(columns) < 2:
        return None
    X = np.array([[float(row[i]) for i in columns] for row in table.rows])
    total = float(np.median(X.sum(axis=1)))
    if total <= 0 or X.min() < 0 or not np.ptp(X, axis=0).any():
        return None
    if np.abs(X.sum(axis=1) - total).max() > SUM_TOLERANCE * total:
        return None
    return Mixture(tuple(parameters[i].name for i in columns), float(f"{total:.4g}"))


def _key(point: Point) -> Key:
    return tuple(sorted(point.items()))


class Pool:
    """Rows to draw from: the replicates of a point in turn, or else the nearest row not drawn yet."""

    def __init__(self, spec: CampaignSpec, rows: Sequence[Row], seed: int = 0) -> None:
        self._space = spec.space
        self._replicates: dict[Key, list[Row]] = {}
        for row in rows:
            self._replicates.setdefault(_key(row.point), []).append(row)
        self._drawn = dict.fromkeys(self._replicates, 0)
        self._seed = seed
        self._points = [r[0].point for r in self._replicates.values()]
        self._encoded = spec.space.encode(self._points)

    @classmethod
    def of(cls, table: Table, spec: CampaignSpec, seed: int = 0) -> "Pool":
        """All rows of a table. seed: which replicate of each point comes first."""
        return cls(spec, experiments(table, spec), seed)

    def draw(self, point: Point) -> tuple[Row, bool]:
        """A row and whether it is the point asked for; replicates start over after the last one."""
        key = _key(point)
        exact = key in self._replicates
        if not exact:
            key = self._nearest(point)
        replicates = self._replicates[key]
        row = replicates[(self._seed + self._drawn[key]) % len(replicates)]
        self._drawn[key] += 1
        return row, exact

    def mark(self, number: int) -> None:
        """The row with this number was drawn before."""
        for key, replicates in self._replicates.items():
            if any(row.number == number for row in replicates):
                self._drawn[key] += 1

    def _nearest(self, point: Point) -> Key:
        away = ((self._encoded - self._space.encode([point])) ** 2).sum(axis=1)
        tested = np.array([self._drawn[_key(p)] > 0 for p in self._points])
        if not tested.all():
            away[tested] = np.inf
        return _key(self._points[int(away.argmin())])
