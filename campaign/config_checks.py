"""What must agree between the tables of a campaign file."""

from collections.abc import Mapping, Sequence

from campaign.spec import ObjectiveSpec, StopSpec, StrategySpec
from hardware.toml_file import Mistakes, Table, did_you_mean, shown
from optimiser.formula import RESERVED, FormulaError, read_formula

_FIELD_OF = {"colour": "target_lab", "formula": "formula", "column": "column", "meter": "meter"}


def cross_check(
    table: Table,
    names: Sequence[str | None],
    objective: ObjectiveSpec | None,
    strategy: StrategySpec,
    stop: StopSpec,
    constants: Mapping[str, float] | None,
    mistakes: Mistakes,
) -> None:
    """Add what does not agree. names: of the parameters in the file's order, None where it cannot be read."""
    for name in names:
        if name is not None and constants is not None and name in constants:
            mistakes.add(f"constants.{name}", "is the name of a parameter too")
    if strategy.initial > stop.budget and not mistakes.under("strategy.initial", "stop.budget"):
        place = "strategy.initial" if "strategy" in table else "stop.budget"
        mistakes.add(
            place,
            f"{strategy.initial} initial experiments are more than the budget of {stop.budget} (stop.budget)",
        )
    if objective is not None:
        _objective(objective, names, constants, mistakes)


def _objective(
    objective: ObjectiveSpec, names: Sequence[str | None], constants: Mapping[str, float] | None, mistakes: Mistakes
) -> None:
    if not objective.name.strip():
        mistakes.add("objective.name", "expected a name, got an empty text")
    elif objective.name in names:
        mistakes.add("objective.name", f"{shown(objective.name)} is the name of a parameter too")
    for kind, key in _FIELD_OF.items():
        given = getattr(objective, key) is not None
        if kind == objective.kind and not given:
            mistakes.add(f"objective.{key}", f"is missing: an objective of kind {kind} needs it")
        elif given and kind != objective.kind:
            mistakes.add(f"objective.{key}", f"does not belong to an objective of kind {objective.kind}")
    if objective.kind == "meter" and objective.meter is not None and not objective.meter.strip():
        mistakes.add("objective.meter", "expected the name of a meter in the rig file, got an empty text")
    if objective.noise and objective.kind != "formula":
        mistakes.add("objective.noise", f"does not belong to an objective of kind {objective.kind}")
    if objective.kind == "colour" and objective.direction != "minimise":
        mistakes.add("objective.direction", "expected minimise: a colour difference is made small, got maximise")
    if objective.kind == "colour" and objective.target_lab is not None:
        lightness, a, b = objective.target_lab
        if not (0 <= lightness <= 100 and abs(a) <= 128 and abs(b) <= 128):
            mistakes.add("objective.target_lab", "expected L from 0 to 100, a and b from -128 to 128")
    if objective.kind == "column" and objective.column in names:
        mistakes.add("objective.column", f"{shown(objective.column)} is a parameter; it cannot be measured too")
    if objective.kind == "formula" and objective.formula is not None:
        _formula(objective.formula, names, constants, mistakes)


def _formula(
    text: str, names: Sequence[str | None], constants: Mapping[str, float] | None, mistakes: Mistakes
) -> None:
    for i, name in enumerate(names):
        if name in RESERVED:
            mistakes.add(f"parameters[{i + 1}].name", f"{shown(name)} means something else in a formula")
    for name in constants or ():
        if name in RESERVED:
            mistakes.add(f"constants.{name}", "means something else in a formula")
    try:
        formula = read_formula(text)
    except FormulaError as error:
        mistakes.add("objective.formula", str(error))
        return
    if None in names or constants is None:
        return
    known = [n for n in names if n is not None] + list(constants)
    strangers = [f"{shown(n)}{did_you_mean(n, known)}" for n in sorted(formula.names - set(known))]
    if strangers:
        mistakes.add("objective.formula", f"neither a parameter nor a constant: {', '.join(strangers)}")
