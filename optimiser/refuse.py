"""Why nothing is left of a space: the constraints that cannot be kept together."""

from collections.abc import Sequence

import numpy as np

from optimiser import exact
from optimiser.constraints import KeepOut, LinearConstraint, mixture_label, together
from optimiser.parameters import Mixture, Parameter, SpaceError
from optimiser.polytope import Bools
from optimiser.region import compiled

Rule = LinearConstraint | KeepOut | Mixture


def check_feasible(
    parameters: Sequence[Parameter],
    mixture: Mixture | None,
    constraints: Sequence[LinearConstraint],
    keep_out: Sequence[KeepOut],
) -> None:
    """Raise SpaceError, naming the smallest set of rules that contradict each other, when no point keeps all."""
    rules: list[Rule] = [*([mixture] if mixture else []), *constraints, *keep_out]
    if _possible(parameters, rules):
        return
    for rule in list(rules):
        without = [r for r in rules if r is not rule]
        if not _possible(parameters, without):
            rules = without
    words = [mixture_label(r) if isinstance(r, Mixture) else r.label for r in rules]
    what = together(words)
    if len(words) > 1:
        raise SpaceError(f"no point keeps {what} together; loosen one of them or widen a parameter's bounds")
    rule = rules[0]
    if isinstance(rule, KeepOut):
        raise SpaceError(f"the keep-out region {what} covers the whole space; make it smaller")
    raise SpaceError(f"no point keeps {what}{_reach(parameters, rule)}; loosen it or widen a parameter's bounds")


def _possible(parameters: Sequence[Parameter], rules: Sequence[Rule]) -> bool:
    region = compiled(
        parameters,
        next((r for r in rules if isinstance(r, Mixture)), None),
        [r for r in rules if isinstance(r, LinearConstraint)],
        [r for r in rules if isinstance(r, KeepOut)],
    )
    middle = region.polytope.high / 2
    choice = np.zeros(len(region.codes), dtype=np.intp)
    return exact.nearest(region.polytope, region.out, region.counts, region.codes, middle, choice) is not None


def _reach(parameters: Sequence[Parameter], rule: LinearConstraint | Mixture) -> str:
    """Between what the sum lies within the parameters' bounds."""
    coefficients = dict.fromkeys(rule.names, 1.0) if isinstance(rule, Mixture) else rule.coefficients
    bounds = {p.name: (getattr(p, "low", 0.0), getattr(p, "high", 0.0)) for p in parameters}
    ends = [sorted((c * bounds[n][0], c * bounds[n][1])) for n, c in coefficients.items()]
    low, high = sum(e[0] for e in ends), sum(e[1] for e in ends)
    bound = rule.total if isinstance(rule, Mixture) else rule.bound
    if low <= bound <= high:
        return " on the parameters' steps"
    return f": within the bounds the sum lies between {low:.6g} and {high:.6g}"


def check_rows(broken: Bools, labels: Sequence[str]) -> None:
    """Raise SpaceError when every row of a candidate table breaks something. broken: (rows, labels)."""
    if not broken.any(axis=1).all():
        return
    reasons = [f'{n} break "{label}"' for label, n in zip(labels, broken.sum(axis=0), strict=True) if n]
    raise SpaceError(
        f"no row of the candidate table can be made: of {len(broken)}, {', '.join(reasons)};"
        " loosen a constraint or add rows"
    )
