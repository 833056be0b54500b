"""Tables of measured experiments as CSV, read without guessing.

A row is named by its number in the file, as a spreadsheet shows it; the header is row 1.
"""

import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from campaign.cells import number_of, plain
from campaign.spec import CampaignSpec
from hardware.toml_file import did_you_mean, shown
from optimiser.history import Label, Observation
from optimiser.space import Categorical, Mixture, Parameter

MAX_TABLE_BYTES = 20_000_000
MAX_ROWS = 100_000
MAX_COLUMNS = 500
MOST_SHOWN = 20
FAILED = "failed"
LABEL = "label"
"""The column in which an export keeps the label of each experiment."""

SUM_TOLERANCE = 0.01
"""Measured components may miss their total by this share of it: they were rounded."""
Point = Mapping[str, float | str]


class TableError(ValueError):
    """A table that cannot be used. `mistakes`: at most `MOST_SHOWN`, then how many more there are."""

    def __init__(self, path: str | Path, mistakes: Sequence[str]) -> None:
        kept = tuple(mistakes[:MOST_SHOWN])
        if len(mistakes) > MOST_SHOWN:
            kept = (*kept, f"and {len(mistakes) - MOST_SHOWN} more like these")
        super().__init__(f"{path}:\n" + "\n".join(f"  {m}" for m in kept))
        self.path = str(path)
        self.mistakes = kept


@dataclass(frozen=True)
class Table:
    """Cells as text. numbers: of the rows in the file."""

    path: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numbers: tuple[int, ...]


@dataclass(frozen=True)
class Row:
    """One measured experiment. value None: it failed, or is labelled otherwise."""

    number: int
    point: Point
    value: float | None
    label: Label = "measured"


def read_table(path: str | Path) -> Table:
    """Read a CSV file with a header; commas, or else semicolons or tabs, as in the header. Raises TableError."""
    path = Path(path)
    text = _text(path)
    header = text.split("\n", 1)[0]
    bare = re.sub(r'"[^"]*"', "", header)  # a name in quotes may hold any of them
    delimiter = next((d for d in ",;\t" if d in bare), ",")
    try:
        lines = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        columns: tuple[str, ...] = ()
        rows: list[tuple[str, ...]] = []
        numbers: list[int] = []
        mistakes: list[str] = []
        for number, cells in enumerate(lines, 1):
            row = tuple(plain(c).strip() for c in cells)
            if number == 1:
                columns = row
            elif len(row) == len(columns):
                if any(row):
                    rows.append(row)
                    numbers.append(number)
            elif any(row):
                mistakes.append(f"row {number}: {len(row)} cells, and the header has {len(columns)}")
            if len(rows) > MAX_ROWS:
                raise TableError(path, (f"more than {MAX_ROWS} rows",))
    except csv.Error as error:
        raise TableError(path, (f"not CSV: {error}",)) from error
    if len(columns) > MAX_COLUMNS:
        raise TableError(path, (f"more than {MAX_COLUMNS} columns",))
    mistakes += [
        f"column {shown(c)} stands there twice" for c in sorted({c for c in columns if c and columns.count(c) > 1})
    ]
    if not rows and not mistakes:
        mistakes.append("no rows below the header")
    if mistakes:
        raise TableError(path, mistakes)
    return Table(str(path), columns, tuple(rows), tuple(numbers))


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_TABLE_BYTES + 1)
    except FileNotFoundError as error:
        raise TableError(path, ("no such file",)) from error
    except OSError as error:
        raise TableError(path, (f"cannot be read: {error.strerror or error}",)) from error
    if len(raw) > MAX_TABLE_BYTES:
        raise TableError(path, (f"larger than {MAX_TABLE_BYTES // 1_000_000} MB",))
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise TableError(path, (f"row {line}: not UTF-8 text; save the table as CSV UTF-8",)) from error
    if not text.strip():
        raise TableError(path, ("the file is empty",))
    return text.replace("\r\n", "\n").replace("\r", "\n")


def objective_column(spec: CampaignSpec) -> str:
    """The column that holds the objective: named in the file, or else the objective's name."""
    return spec.objective.column if spec.objective.column is not None else spec.objective.name


def experiments(table: Table, spec: CampaignSpec, *, skip_empty: bool = False) -> tuple[Row, ...]:
    """The table's rows as the campaign understands them. Raises TableError naming rows and columns.

    The objective's cell holds a number or the word "failed"; a column "label" says what else to make of a row.
    skip_empty: leave out rows where it is empty, since they wait to be measured; otherwise that is a mistake.
    """
    wanted = [*(p.name for p in spec.space.parameters), objective_column(spec)]
    at = {name: i for i, name in enumerate(table.columns)}
    missing = [f"column {shown(n)} is missing{did_you_mean(n, table.columns)}" for n in wanted if n not in at]
    if missing:
        raise TableError(table.path, [*missing, f"the table has {', '.join(table.columns)}"])
    mistakes: list[str] = []
    out: list[Row] = []
    labels = _labels(table, wanted, mistakes)
    for number, cells in zip(table.numbers, table.rows, strict=True):
        point: dict[str, float | str] = {}
        for parameter in spec.space.parameters:
            value, mistake = _value(parameter, cells[at[parameter.name]])
            point[parameter.name] = value
            if mistake:
                mistakes.append(f"row {number}, column {shown(parameter.name)}: {mistake}")
        cell = cells[at[wanted[-1]]]
        if cell == "" and skip_empty:
            continue
        measured = number_of(cell)
        if measured is None and cell.lower() != FAILED:
            mistakes.append(f"row {number}, column {shown(wanted[-1])}: {_not_a_number(cell)}")
        out.append(Row(number, point, measured, labels.get(number, "measured")))
    if mistakes:
        raise TableError(table.path, mistakes)
    return tuple(out)


def _labels(table: Table, taken: Sequence[str], mistakes: list[str]) -> Mapping[int, Label]:
    """By row, from the column that an export has; a column of that name without any of our words is another's."""
    if LABEL not in table.columns or LABEL in taken:
        return {}
    column = table.columns.index(LABEL)
    cells = {n: row[column].lower() for n, row in zip(table.numbers, table.rows, strict=True) if row[column]}
    words: dict[str, Label] = {word: word for word in get_args(Label)}
    if not words.keys() & cells.values():
        return {}
    mistakes += [
        f"row {n}, column {LABEL}: {shown(cell)} is not one of {', '.join(words)}{did_you_mean(cell, tuple(words))}"
        for n, cell in cells.items()
        if cell not in words
    ]
    return {n: words[cell] for n, cell in cells.items() if cell in words}


def _value(parameter: Parameter, cell: str) -> tuple[float | str, str | None]:
    """The cell's value for the parameter, and what is wrong with it."""
    if isinstance(parameter, Categorical):
        if cell in parameter.choices:
            return cell, None
        listed = ", ".join(parameter.choices[:8])
        return cell, f"{shown(cell)} is not one of {listed}{did_you_mean(cell, parameter.choices)}"
    value = number_of(cell)
    if value is None:
        return 0.0, _not_a_number(cell)
    slack = 1e-9 * max(abs(parameter.low), abs(parameter.high))
    if not parameter.low - slack <= value <= parameter.high + slack:
        return value, f"{value:g} is outside {parameter.low:g} to {parameter.high:g}"
    return value, None


def _not_a_number(cell: str) -> str:
    if cell == "":
        return "expected a number, the cell is empty"
    hint = " (a decimal comma? write a point)" if number_of(cell.replace(",", ".")) is not None else ""
    return f"expected a number, got {shown(cell)}{hint}"


def load_data(path: str | Path, spec: CampaignSpec) -> tuple[Observation, ...]:
    """Measured experiments as observations, in the table's order. Rows whose objective is empty are left out."""
    table = read_table(path)
    rows = experiments(table, spec, skip_empty=True)
    if mistakes := _off_the_mixture(rows, spec.space.mixture):
        raise TableError(path, mistakes)
    return tuple(Observation(r.point, r.value, label=r.label) for r in rows)


def _off_the_mixture(rows: Sequence[Row], mixture: Mixture | None) -> tuple[str, ...]:
    """Rows whose components do not sum to the total, but for the rounding that measured tables have."""
    if mixture is None:
        return ()
    sums = {r.number: sum(float(r.point[name]) for name in mixture.names) for r in rows}
    return tuple(
        f"row {number}: {', '.join(mixture.names)} sum to {total:g}, not to {mixture.total:g}"
        for number, total in sums.items()
        if abs(total - mixture.total) > SUM_TOLERANCE * mixture.total
    )
