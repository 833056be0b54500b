"""The charts of a report: best so far, predicted against measured, every parameter against the objective."""

from collections.abc import Sequence

from markupsafe import Markup

from campaign.charts import Chart, log_ticks, nice_ticks
from campaign.spec import CampaignSpec
from campaign.state import Experiment
from optimiser.space import Categorical, Parameter

LOG_SPAN = 30.0
"""Values above zero that span more than this factor are drawn on a logarithmic axis."""
Band = Sequence[tuple[float, float, float]]


def named(name: str, unit: str) -> str:
    """An axis's name, its unit in brackets."""
    return f"{name} [{unit}]" if unit else name


def best_so_far(spec: CampaignSpec, seen: Sequence[Experiment], band: Band = ()) -> Markup | None:
    """The best value after each experiment, the values themselves as dots; band: random search."""
    if not seen:
        return None
    values = [e.value for e in seen if e.value is not None]
    better = max if spec.objective.direction == "maximise" else min
    best: float | None = None
    line = []
    for experiment, value in zip(seen, values, strict=True):
        if experiment.include:
            best = value if best is None else better(best, value)
        if best is not None:
            line.append((float(experiment.number), best))
    y, log = _y_axis(values)
    if not log:
        y, _ = _y_axis([*values, *(v for _, low, high in band for v in (low, high))], may_be_log=False)
    chart = Chart(
        _counts(seen[-1].number), y, "experiment", named(spec.objective.name, spec.objective.unit), log_y=log
    )
    chart.band([(x, min(max(low, y[0]), y[-1]), min(max(high, y[0]), y[-1])) for x, low, high in band], "band")
    chart.steps(line, "best")
    _dots(chart, seen, [float(e.number) for e in seen], spec)
    return chart.svg(f"Best {spec.objective.name} after each experiment")


def predicted_measured(spec: CampaignSpec, seen: Sequence[Experiment]) -> Markup | None:
    """What was believed before each experiment, with its standard deviation, against what was measured."""
    pairs = [(e, e.mean, e.sd or 0.0, e.value) for e in seen if e.mean is not None and e.value is not None]
    if len(pairs) < 2:
        return None
    measured = nice_ticks(min(v for *_, v in pairs), max(v for *_, v in pairs))
    low = min(*(m for _, m, _, _ in pairs), measured[0])
    high = max(*(m for _, m, _, _ in pairs), measured[-1])
    predicted = nice_ticks(low, high)
    unit = spec.objective.unit
    chart = Chart(measured, predicted, named("measured", unit), named("predicted", unit))
    ends = (max(measured[0], predicted[0]), min(measured[-1], predicted[-1]))
    chart.line([(e, e) for e in ends], "guide")
    for experiment, mean, sd, value in pairs:
        chart.bar(value, mean - sd, mean + sd, "error")
        title = f"experiment {experiment.number}: predicted {mean:.4g} ± {sd:.2g}, measured {value:.4g}"
        chart.dot(value, mean, "dot", title)
    return chart.svg("Predicted against measured")


def by_parameter(spec: CampaignSpec, seen: Sequence[Experiment]) -> tuple[Markup, ...]:
    """One small chart per parameter: its value against the objective."""
    if not seen:
        return ()
    y, log = _y_axis([e.value for e in seen if e.value is not None])
    return tuple(_of_parameter(p, spec, seen, y, log) for p in spec.space.parameters)


def _of_parameter(
    parameter: Parameter, spec: CampaignSpec, seen: Sequence[Experiment], y: tuple[float, ...], log: bool
) -> Markup:
    words: tuple[str, ...] = ()
    if isinstance(parameter, Categorical):
        words = parameter.choices
        x: tuple[float, ...] = (-0.5, len(words) - 0.5)
        at = [float(words.index(str(e.point[parameter.name]))) for e in seen]
    else:
        at = [float(e.point[parameter.name]) for e in seen]
        x = nice_ticks(min([parameter.low, *at]), max([parameter.high, *at]), 6)
    name, objective = named(parameter.name, parameter.unit), named(spec.objective.name, spec.objective.unit)
    chart = Chart(x, y, name, objective, width=360, height=220, log_y=log, words=words)
    _dots(chart, seen, at, spec)
    return chart.svg(f"{parameter.name} against {spec.objective.name}")


def _dots(chart: Chart, seen: Sequence[Experiment], at: Sequence[float], spec: CampaignSpec) -> None:
    """Measured values, the best on top; one that is left out of the model is hollow."""
    sign = 1.0 if spec.objective.direction == "maximise" else -1.0
    top = max((e for e in seen if e.include), key=lambda e: sign * (e.value or 0.0), default=None)
    for experiment, x in sorted(zip(seen, at, strict=True), key=lambda pair: pair[0] is top):
        style = "dot best-dot" if experiment is top else "dot" if experiment.include else "dot left-out"
        title = f"experiment {experiment.number}: {experiment.value:.4g} {spec.objective.unit}".rstrip()
        chart.dot(x, experiment.value or 0.0, style, title, 5 if experiment is top else 3.5)


def _y_axis(values: Sequence[float], may_be_log: bool = True) -> tuple[tuple[float, ...], bool]:
    low, high = min(values), max(values)
    if may_be_log and low > 0 and high / low > LOG_SPAN:
        return log_ticks(low, high), True
    return nice_ticks(low, high), False


def _counts(last: int) -> tuple[float, ...]:
    """Ticks for counting experiments: whole numbers from 0."""
    step = next(s for s in (1, 2, 5, 10, 20, 25, 50, 100, 200, 500, 1000, 2000) if last / s <= 8)
    return tuple(float(i) for i in range(0, last + step, step))
