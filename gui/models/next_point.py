"""Moving a point by hand without leaving the space: pure, so that maps, slices and spin boxes agree."""

from collections.abc import Collection, Mapping

from optimiser.space import Categorical, Mixture, Parameter, SearchSpace

Value = float | str
Point = Mapping[str, Value]


def bounds(parameter: Parameter) -> tuple[float, float]:
    """Low and high; for a categorical one the positions of its first and last choice."""
    if isinstance(parameter, Categorical):
        return 0.0, float(len(parameter.choices) - 1)
    return parameter.low, parameter.high


def parameter_of(space: SearchSpace, name: str) -> Parameter:
    for parameter in space.parameters:
        if parameter.name == name:
            return parameter
    raise KeyError(f"the space has no parameter {name!r}")


def on_grid(parameter: Parameter, value: Value) -> Value:
    """The nearest value that can be set."""
    if isinstance(parameter, Categorical) or isinstance(value, str):
        return value
    value = min(max(value, parameter.low), parameter.high)
    step = getattr(parameter, "step", None)
    if step:
        value = min(parameter.low + round((value - parameter.low) / step) * step, parameter.high)
    return value


def missing(space: SearchSpace, point: Point) -> float:
    """What the mixture lacks of its total; negative when there is too much."""
    if space.mixture is None:
        return 0.0
    return space.mixture.total - sum(float(point[name]) for name in space.mixture.names)


def moved(space: SearchSpace, point: Point, changes: Point, pinned: Collection[str] = ()) -> dict[str, Value]:
    """The point with the changes. In a mixture the components that are neither changed nor pinned are
    rescaled in proportion, within their bounds, so that the total holds; where that is impossible the
    changed ones give way, the last changed first to be cut."""
    result: dict[str, Value] = dict(point)
    for name, value in changes.items():
        result[name] = on_grid(parameter_of(space, name), value)
    mixture = space.mixture
    if mixture is None or not any(name in mixture.names for name in changes):
        return result
    changed = [name for name in mixture.names if name in changes]
    free = [name for name in mixture.names if name not in changes and name not in pinned]
    _fill(space, result, free, mixture)
    if changed and abs(missing(space, result)) > 1e-9 * max(mixture.total, 1.0):
        _give_way(space, result, changed, mixture)
    return result


def _fill(space: SearchSpace, point: dict[str, Value], names: list[str], mixture: Mixture) -> None:
    """Rescale the named components so that the total holds, water-filling against their bounds."""
    free = list(names)
    while free:
        wanted = mixture.total - sum(float(point[n]) for n in mixture.names if n not in free)
        have = sum(float(point[n]) for n in free)
        clipped = []
        for name in free:
            share = float(point[name]) / have if have > 1e-12 else 1.0 / len(free)
            low, high = bounds(parameter_of(space, name))
            value = wanted * share
            if not low <= value <= high:
                point[name] = min(max(value, low), high)
                clipped.append(name)
        if not clipped:
            for name in free:
                share = float(point[name]) / have if have > 1e-12 else 1.0 / len(free)
                point[name] = wanted * share
            return
        free = [name for name in free if name not in clipped]


def _give_way(space: SearchSpace, point: dict[str, Value], changed: list[str], mixture: Mixture) -> None:
    for name in reversed(changed):
        low, high = bounds(parameter_of(space, name))
        point[name] = min(max(float(point[name]) + missing(space, point), low), high)
        if abs(missing(space, point)) <= 1e-9 * max(mixture.total, 1.0):
            return


def middle(space: SearchSpace) -> dict[str, Value]:
    """The middle of the space: half of every range, equal shares of a mixture, the first choice."""
    point: dict[str, Value] = {}
    for parameter in space.parameters:
        if isinstance(parameter, Categorical):
            point[parameter.name] = parameter.choices[0]
        else:
            point[parameter.name] = (parameter.low + parameter.high) / 2
    if space.mixture is not None:
        _fill(space, point, list(space.mixture.names), space.mixture)
    return point


def same(a: Point | None, b: Point | None, space: SearchSpace) -> bool:
    """Whether two points are one to the eye (a thousandth of each range)."""
    if a is None or b is None:
        return a is b
    for parameter in space.parameters:
        left, right = a[parameter.name], b[parameter.name]
        if isinstance(left, str) or isinstance(right, str):
            if left != right:
                return False
            continue
        low, high = bounds(parameter)
        if abs(left - right) > 1e-3 * max(high - low, 1e-12):
            return False
    return True
