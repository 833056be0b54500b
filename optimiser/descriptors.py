"""Descriptors of choices from pasted text: a header, then one line per choice, its name first."""

import csv
import math
from collections.abc import Sequence
from dataclasses import dataclass

from optimiser.parameters import Descriptors, SpaceError


@dataclass(frozen=True)
class Pasted:
    """notes: what was left out, and why."""

    descriptors: Descriptors
    notes: tuple[str, ...] = ()


def paste(text: str, choices: Sequence[str]) -> Pasted:
    """Read `solvent,logP,dipole` and lines as `DMF,-1.0,3.8` (commas, semicolons or tabs).

    Columns that are equal for every choice tell nothing and are left out with a note, and so are lines of what is
    no choice. Raises SpaceError with all mistakes at once.
    """
    lines = [line for line in text.lstrip("\ufeff").splitlines() if line.strip()]
    if len(lines) < 2:
        raise SpaceError("the pasted table has no rows; paste a header and one line per choice")
    mark = next((m for m in "\t;" if m in lines[0]), ",")
    header, *rows = ([cell.strip() for cell in row] for row in csv.reader(lines, delimiter=mark))
    names = header[1:]
    wrong: list[str] = []
    notes: list[str] = []
    found: dict[str, list[float]] = {}
    if not names:
        wrong.append("the header has no descriptor; give the choice's column and at least one more")
    wrong += [f"column {i} has no name; name or delete it" for i, n in enumerate(names, 2) if not n]
    wrong += [
        f"column {n} is there twice; rename one" for n in sorted({n for n in names if n and names.count(n) > 1})
    ]
    for number, row in enumerate(rows, 2):
        choice = row[0]
        if choice not in choices:
            notes.append(f"line {number}, {choice or 'without a name'}, is no choice and is left out")
        elif choice in found:
            wrong.append(f"line {number}: {choice} is there twice; delete one")
        elif len(row) != len(header):
            wrong.append(f"line {number}: {len(row)} cells; give {len(header)}")
            found[choice] = []
        else:
            found[choice] = _numbers(row[1:], names, number, wrong, comma=mark != ",")
    if missing := [c for c in choices if c not in found]:
        wrong.append(f"no line for {', '.join(missing)}; add one for each choice")
    if wrong:
        raise SpaceError("; ".join(wrong))
    values = [found[c] for c in choices]
    told = [i for i in range(len(names)) if len({row[i] for row in values}) > 1]
    notes += [f"{n} is the same for every choice and is left out" for i, n in enumerate(names) if i not in told]
    if not told:
        raise SpaceError("every descriptor is the same for all choices; add one that tells them apart")
    table = Descriptors(tuple(names[i] for i in told), tuple(tuple(row[i] for i in told) for row in values))
    return Pasted(table, tuple(notes))


def _numbers(cells: Sequence[str], names: Sequence[str], number: int, wrong: list[str], comma: bool) -> list[float]:
    """comma: decimal commas are read too, as German spreadsheets paste them."""
    out = []
    for cell, name in zip(cells, names, strict=True):
        try:
            value = float(cell.replace(",", ".") if comma else cell)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            wrong.append(f"line {number}: {name} is {cell or 'empty'}; give a finite number")
        out.append(value)
    return out
