"""What must hold before a device acts, and what the eye must confirm after. Pure; the executors ask.

Static checks give a list of mistakes, one sentence each. Live checks give one question for the person, or None.
"""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from pydantic import TypeAdapter

from campaign.recipe import UL_PER_UNIT, Recipe
from campaign.spec import CampaignSpec, ChecksSpec, DosingSpec
from hardware.devices import PumpRange
from hardware.drivers import module_of
from hardware.spec import RigSpec
from hardware.toml_file import did_you_mean
from optimiser.space import Categorical, SearchSpace
from vision.reading import Doubt, VialReading

if TYPE_CHECKING:
    from vision.fusion import Fused

ON_A_RIG = ("colour", "meter", "function")
"""Kinds of objective that a vial on a rig can have."""
_DOUBTS: Mapping[Doubt, str] = {
    Doubt.NO_VIAL: "no vial is seen", Doubt.GLARE: "glare on the glass", Doubt.LABEL: "a label hides the liquid",
    Doubt.BLUR: "the picture is blurred", Doubt.DARK: "the picture is black", Doubt.SATURATED: "the picture is "
    "overexposed", Doubt.FULL: "the vial looks full to the neck", Doubt.NO_EDGE: "no white background to compare "
    "with", Doubt.AMBIGUOUS: "two explanations fit the picture", Doubt.FROZEN: "the camera repeats one picture",
    Doubt.MOVED: "the camera or the vial has moved", Doubt.OUT_OF_FRAME: "the vial is not in the picture",
    Doubt.VORTEX: "the liquid is stirred into a vortex", Doubt.FOAM: "foam hides the surface",
    Doubt.EXPOSURE: "light or exposure has changed", Doubt.CAMERA_MOVED: "the camera or the rack has moved",
    Doubt.NO_WHITE: "there is no white to compare the colour with",
}  # fmt: skip

_CAMERA: Mapping[Doubt, tuple[str, str]] = {
    Doubt.FROZEN: ("The camera repeats one picture", "Check the camera's cable and power"),
    Doubt.DARK: ("The picture is black", "Switch the lamp on and look for a cap on the lens"),
    Doubt.SATURATED: ("The picture is overexposed", "Make the exposure shorter or the light weaker"),
    Doubt.CAMERA_MOVED: (
        "The camera or the rack has moved",
        "Put it back, or show on the Devices page where the vial stands now and open the rig again",
    ),
    Doubt.EXPOSURE: (
        "Light or exposure has changed",
        "Put lamp and exposure back, or leave them as they are from now on",
    ),
}


def why_doubted(doubt: Doubt) -> str:
    """The doubt in words."""
    return "; ".join(words for flag, words in _DOUBTS.items() if flag in doubt) or "the reason is not known"


def why_refused(fused: "Fused") -> str:
    """Which frames were no evidence: 'pictures refused: the picture is black, 3 times; the …'; empty for none."""
    if not fused.refused:
        return ""
    told = [f"{_DOUBTS[Doubt[name]]}{f', {n} times' if n > 1 else ''}" for name, n in fused.refused.items()]
    return f"pictures refused: {'; '.join(told)}"


def campaign_mistakes(spec: CampaignSpec, rig: RigSpec, ranges: Mapping[str, PumpRange]) -> tuple[str, ...]:
    """Everything in which campaign and rig do not fit. ranges: of the pumps, by role."""
    return (
        *_stocks(spec, rig, ranges),
        *_vial(spec, rig),
        *_rates(spec.dosing, {p.name: ranges[p.name] for p in spec.space.parameters if p.name in ranges}),
        *_travel(rig),
        *_measured(spec, rig),
        *_eye(spec, rig),
    )


def _stocks(spec: CampaignSpec, rig: RigSpec, ranges: Mapping[str, PumpRange]) -> Iterator[str]:
    for parameter in spec.space.parameters:
        name = parameter.name
        if name not in rig.pumps:
            listed = ", ".join(rig.pumps) or "none"
            hint = did_you_mean(name, rig.pumps)
            yield f"parameter {name}: the rig has no pump of this role{hint}; it has {listed}"
        elif isinstance(parameter, Categorical):
            yield f"parameter {name}: has choices, and a pump doses volumes"
        elif parameter.unit not in UL_PER_UNIT:
            yield f"parameter {name}: the unit {parameter.unit!r} is no volume; use µL or mL"
        else:
            if parameter.low < 0:
                yield f"parameter {name}: {parameter.low:g} is below zero, and a pump only adds"
            most_ul = parameter.high * UL_PER_UNIT[parameter.unit]
            if name in ranges and most_ul > ranges[name].capacity_ul:
                yield (
                    f"parameter {name}: up to {most_ul:g} µL in one vial, and its syringe holds "
                    f"{ranges[name].capacity_ul:g} µL"
                )


def most_ul(space: SearchSpace) -> float:
    """The largest volume that any point of the space puts into a vial, µL."""
    parts = set(space.mixture.names) if space.mixture else set()
    total = 0.0
    for parameter in space.parameters:
        if isinstance(parameter, Categorical) or parameter.unit not in UL_PER_UNIT:
            continue
        if parameter.name not in parts:
            total += max(0.0, parameter.high) * UL_PER_UNIT[parameter.unit]
    if space.mixture is None:
        return total
    units = [p.unit for p in space.parameters if p.name in parts]
    return total + space.mixture.total * max(UL_PER_UNIT.get(u, 1.0) for u in units)


def _vial(spec: CampaignSpec, rig: RigSpec) -> Iterator[str]:
    vial = rig.rack.vial
    needed_ul = most_ul(spec.space)
    if needed_ul > vial.fill_limit_ul + 1e-6:
        yield f"a vial gets up to {needed_ul:g} µL, above the rig's fill limit of {vial.fill_limit_ul:g} µL"
    parts = [p for p in spec.space.parameters if spec.space.mixture and p.name in spec.space.mixture.names]
    if len({UL_PER_UNIT.get(p.unit) for p in parts}) > 1:
        yield "the mixture's parameters have different units; give them all in µL"


def _rates(dosing: DosingSpec, ranges: Mapping[str, PumpRange]) -> Iterator[str]:
    asked = f"dosing.rate_ul_s: {dosing.rate_ul_s:g}"
    for role, limits in ranges.items():
        if dosing.rate_ul_s > limits.max_rate_ul_s:
            yield f"{asked} is faster than pump {role} can, {limits.max_rate_ul_s:.4g}"
        if dosing.rate_ul_s < limits.min_rate_ul_s:
            yield f"{asked} is slower than pump {role} can, {limits.min_rate_ul_s:.4g}"
        if dosing.smallest_ul < limits.min_volume_ul:
            yield (
                f"dosing.smallest_ul: {dosing.smallest_ul:g} is less than pump {role} can make, "
                f"{limits.min_volume_ul:.4g}"
            )


def _travel(rig: RigSpec) -> Iterator[str]:
    outside = []
    for slot in rig.rack.slots:
        x_mm, y_mm = rig.rack.position_mm(slot)
        if not (0 <= x_mm <= rig.stage.travel_mm[0] and 0 <= y_mm <= rig.stage.travel_mm[1]):
            outside.append(slot)
    if outside:
        yield f"the stage cannot reach {', '.join(outside[:6])}{' and more' if len(outside) > 6 else ''}"


def _measured(spec: CampaignSpec, rig: RigSpec) -> Iterator[str]:
    kind, meter = spec.objective.kind, spec.objective.meter
    if kind not in ON_A_RIG:
        yield f"objective.kind: {kind} is not measured on a bench; it measures {', '.join(ON_A_RIG)}"
    elif kind == "meter" and (meter is None or meter not in rig.meters):
        has = ", ".join(rig.meters) or "none; give it a [meters.NAME], of kind by_person for one that you read"
        hint = did_you_mean(meter or "", rig.meters)
        yield f"objective.meter: the rig has no meter {meter}{hint}; it has {has}"
    elif kind == "meter" and meter is not None:
        part, wanted = rig.meters[meter], spec.objective.unit
        settings = TypeAdapter(module_of(part.kind).Settings).validate_python(dict(part.settings))
        unit = str(getattr(settings, "unit", wanted))
        if wanted and unit != wanted:
            yield f"objective.unit: is {wanted}, but the rig's {meter} reads in {unit or 'no unit'}; write that"


def _eye(spec: CampaignSpec, rig: RigSpec) -> Iterator[str]:
    needs = [
        word
        for word, needed in (
            ("objective.kind colour", spec.objective.kind == "colour"),
            ("checks.presence", spec.checks.presence),
            ("checks.level", spec.checks.level),
        )
        if needed
    ]
    if needs and (rig.camera is None or rig.view is None):
        what = "camera" if rig.camera is None else "[view] of the vial in the picture"
        yield f"the rig has no {what}, which {' and '.join(needs)} need"


def recipe_mistakes(recipe: Recipe, rig: RigSpec, ranges: Mapping[str, PumpRange]) -> tuple[str, ...]:
    """What keeps one recipe from being made in a clean vial."""
    out = []
    limit_ul = rig.rack.vial.fill_limit_ul
    if recipe.total_ul > limit_ul + 1e-6:
        out.append(f"{recipe.total_ul:g} µL is above the fill limit of a vial, {limit_ul:g} µL")
    for aliquot in recipe.aliquots:
        limits = ranges.get(aliquot.stock)
        if limits is None:
            out.append(f"no pump for {aliquot.stock}{did_you_mean(aliquot.stock, ranges)}")
        elif aliquot.volume_ul > limits.capacity_ul:
            out.append(f"{aliquot.volume_ul:g} µL of {aliquot.stock} is more than its syringe holds")
    return tuple(out)


def syringe_question(needed_ul: Mapping[str, float], left_ul: Mapping[str, float]) -> str | None:
    """Whether the syringes last for the next vial."""
    short = [
        f"{stock} has {left_ul.get(stock, 0.0):.0f} µL and the next vial needs {volume:.0f} µL"
        for stock, volume in needed_ul.items()
        if volume > left_ul.get(stock, 0.0) + 1e-6
    ]
    return f"Refill: {'; '.join(short)}." if short else None


def vial_question(slot: str, reading: VialReading) -> str | None:
    """Before dosing: a vial must stand there, and it must be empty."""
    if unseen := _unseen(slot, reading.doubt):
        return unseen
    if reading.present is False:
        return f"No vial stands in {slot}."
    if reading.present is None:
        return f"Does a vial stand in {slot}? The eye cannot tell: {why_doubted(reading.doubt)}."
    if reading.state == "empty" and Doubt.AMBIGUOUS not in reading.doubt:
        return None
    if reading.state != "empty" and reading.volume_ul is not None:
        return f"The vial in {slot} is not empty: it seems to hold {reading.volume_ul:.0f} µL."
    return f"Is the vial in {slot} clean and empty? The eye cannot tell: {why_doubted(reading.doubt)}."


def _unseen(slot: str, doubt: Doubt) -> str | None:
    """What is wrong with the camera or the light, and what to do; None when the vial itself was looked at."""
    found = [said for flag, said in _CAMERA.items() if flag in doubt]
    if not found:
        return None
    first, *others = (what for what, _ in found)
    what = ", ".join([first, *(f"{other[0].lower()}{other[1:]}" for other in others)])
    return f"{what}, so {slot} is not seen. {found[0][1]}, then retry."


def level_question(slot: str, reading: VialReading, expected_ul: float, checks: ChecksSpec) -> str | None:
    """After dosing: what is seen must agree with what was dosed."""
    if unseen := _unseen(slot, reading.doubt):
        return unseen
    if reading.present is False:
        return f"No vial is seen in {slot} after dosing {expected_ul:.0f} µL into it."
    if not checks.level:
        return None
    if reading.volume_ul is None:
        return f"The level in {slot} cannot be read: {why_doubted(reading.doubt)}. {expected_ul:.0f} µL were dosed."
    if abs(reading.volume_ul - expected_ul) > checks.level_tolerance_ul:
        return (
            f"{expected_ul:.0f} µL were dosed into {slot}, and {reading.volume_ul:.0f} µL are seen. "
            "Look for an empty syringe, an air bubble, a blocked tube or a leak."
        )
    return None


def surprise(slot: str, fused: "Fused", expected_ul: float) -> str | None:
    """What is said of a dose that the tolerance lets pass and three standard deviations do not."""
    seen, sd, off = fused.reading.volume_ul, fused.reading.volume_sd_ul, fused.surprise_sd
    if not fused.surprising or seen is None or sd is None or off is None:
        return None
    return (
        f"{expected_ul:.0f} µL were dosed into {slot}, and {seen:.0f} ± {sd:.0f} µL are seen: {abs(off):.1f} "
        f"standard deviations too {'much' if off > 0 else 'little'}. Weigh a dose, or look for a leak."
    )
