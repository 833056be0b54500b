"""What one rig file's values say against each other: every contradiction, with the nearest value that is right."""

import math
import os
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any

from hardware.devices import PumpRange
from hardware.drivers import KINDS, module_of
from hardware.errors import OutOfRangeError
from hardware.marker_checks import check_markers
from hardware.parts.camera_address import without_secrets
from hardware.spec import Positive, PumpSpec, RackSpec, VialSpec, ViewSpec
from hardware.syringes import SYRINGES
from hardware.toml_file import Mistakes, Table, did_you_mean, joined, shown, validated, what_is_good

_DUTIES = {"pump": "dispense", "stage": "move_to", "camera": "capture", "meter": "read"}
_CALLED = {
    "new_era": "ne1 ne3 ne4 ne5 ne8 ne9 nesp aladdin",
    "harvard": "elite phd legato kds",
    "cavro": "tecan xlp xcalibur xp3000 c3000 tricontinent",
    "reglo_icc": "ismatec masterflex peristaltic",
    "grbl": "arduino cnc fluidnc",
    "grbl_axis": "grbl arduino",
    "marlin": "creality ender prusa ramps",
    "rrf": "duet jubilee reprap",
    "opencv_camera": "usb webcam opencv uvc rtsp",
    "image_folder": "folder image picture",
    "balance": "mettler sartorius ohaus scale",
    "scpi": "keithley keysight agilent rigol multimeter",
    "by_person": "person human hand",
}
"""Makers, models and other words of a bench for a kind, as `did_you_mean` takes them."""
_WHOSE = {"sics": "Mettler Toledo", "sbi": "Sartorius", "and": "A&D", "ohaus": "Ohaus"}
_NO_PORT = "person"
_REACHED_BY = frozenset({"address", "baud"})
"""Settings that say how a pump is reached, not what it can do."""
_PAIRS = (("min", "max"), ("low", "high"), ("lowest", "highest"), ("slowest", "fastest"), ("smallest", "largest"))


def devices(table: Table) -> list[tuple[str, Table, str]]:
    """(place, table, duty) of every device that is written as a table."""
    found: list[tuple[str, object, str]] = []
    for duty in _DUTIES:
        group = table.get(f"{duty}s") if duty in ("pump", "meter") else None
        if isinstance(group, dict):
            found += [(joined(f"{duty}s", role), part, duty) for role, part in group.items()]
        elif duty in ("stage", "camera"):
            found.append((duty, table.get(duty), duty))
    return [(place, part, duty) for place, part, duty in found if isinstance(part, dict)]


def check(table: Table, mistakes: Mistakes) -> None:
    """Add to `mistakes` what is wrong with a rig file beyond the type of each value."""
    for place, part, duty in devices(table):
        settings = _check_driver(place, part, duty, mistakes)
        if duty == "pump":
            _check_pump(place, part, settings, mistakes)
    _check_names(table, mistakes)
    _check_ports(table, mistakes)
    _check_rack(table, mistakes)
    _check_view(table, mistakes)
    check_markers(table, mistakes)


def _check_driver(place: str, part: Table, duty: str, mistakes: Mistakes) -> Any:
    """The settings, if there is nothing wrong with them."""
    kind = part.get("kind")
    if not isinstance(kind, str):
        return None
    fit = sorted(k for k in KINDS if hasattr(module_of(k).Driver, _DUTIES[duty]))
    if kind not in fit:
        hint = did_you_mean(kind, fit, _CALLED)
        mistakes.add(f"{place}.kind", f"{shown(kind)} is no driver of a {duty}{hint}; there are {', '.join(fit)}")
        _check_keys(place, part["settings"], fit, mistakes)
        return None
    if not isinstance(part["settings"], dict):
        return None
    settings = what_is_good(module_of(kind).Settings, part["settings"], f"{place}.settings", mistakes, {})
    form = part["settings"].get("format")
    if kind == "balance" and mistakes.under(f"{place}.settings.format"):
        whose = ", ".join(f"{ours} ({maker})" for ours, maker in _WHOSE.items())
        mistakes.instead(f"{place}.settings.format", f"expected one of {whose}; got {shown(form)}")
    if settings is not None:
        _check_pairs(settings, f"{place}.settings", mistakes)
    return settings


def _check_keys(place: str, settings: object, fit: Iterable[str], mistakes: Mistakes) -> None:
    """Keys that none of the drivers knows that could have been meant."""
    known = {f.name for kind in fit for f in fields(module_of(kind).Settings)}
    for key in settings if isinstance(settings, dict) else ():
        if key not in known:
            why = "is known to no driver that there is"
            mistakes.add(joined(f"{place}.settings", key), f"{why}{did_you_mean(key, sorted(known))}")


def _check_pairs(settings: Any, place: str, mistakes: Mistakes) -> None:
    """min_x above max_x, slowest_x above fastest_x."""
    for least, most in _PAIRS:
        for name in vars(settings):
            other = f"{most}{name.removeprefix(least)}"
            if name.startswith(f"{least}_") and hasattr(settings, other):
                low, high = getattr(settings, name), getattr(settings, other)
                if isinstance(low, int | float) and isinstance(high, int | float) and low > high:
                    mistakes.add(f"{place}.{name}", f"{low:g} is above {other}, {high:g}; exchange the two")


def _check_pump(place: str, part: Table, settings: Any, mistakes: Mistakes) -> None:
    """What syringe, valve and rates of a pump say against each other."""
    spec = what_is_good(PumpSpec, part, place, mistakes, {"port": "", **_LARGEST})
    if spec is None or settings is None or mistakes.under(f"{place}.kind"):
        return
    module = module_of(spec.kind)
    wrong = [f.name for f in fields(settings) if mistakes.under(f"{place}.settings.{f.name}")]
    if not _REACHED_BY.issuperset(wrong):
        return
    if not mistakes.under(f"{place}.ports", f"{place}.bottle_ul"):
        _check_valve(place, spec, settings, mistakes)
    if hasattr(module, "range_of") and not mistakes.under(f"{place}.factor"):
        _check_rate(place, spec, module.range_of(spec, settings), mistakes)


def _check_valve(place: str, spec: PumpSpec, settings: Any, mistakes: Mistakes) -> None:
    module = module_of(spec.kind)
    if not hasattr(module.Driver, "select"):
        for key, said in (("ports", spec.ports), ("bottle_ul", spec.bottle_ul)):
            if said:
                mistakes.add(f"{place}.{key}", f"a {spec.kind} has no valve; leave it out")
        return
    for use, port in spec.ports.items():
        twins = [u for u, p in spec.ports.items() if p == port and u < use]
        if twins:
            mistakes.add(f"{place}.ports.{use}", f"{shown(port)} is also {twins[0]}; each needs a port of its own")
        if hasattr(module, "check_ports"):
            try:
                module.check_ports(replace(spec, ports={use: port}), settings)
            except OutOfRangeError as error:
                mistakes.add(f"{place}.ports.{use}", error.message)
    if spec.bottle_ul and (missing := [f"ports.{use}" for use in ("draw", "deliver") if use not in spec.ports]):
        why = "strokes are drawn from a bottle through a valve"
        mistakes.add(f"{place}.bottle_ul", f"{why}: it needs {' and '.join(missing)} too")


def _check_rate(place: str, spec: PumpSpec, pump: PumpRange, mistakes: Mistakes) -> None:
    if pump.min_rate_ul_s > pump.max_rate_ul_s:
        mistakes.add(f"{place}.diameter_mm", "with this syringe the slowest rate of the pump is above its fastest")
    if spec.max_rate_ul_s is None:
        return
    slowest, fastest = spec.factor * pump.min_rate_ul_s, spec.factor * pump.max_rate_ul_s
    guess = " even" if mistakes.under(f"{place}.syringe", f"{place}.diameter_mm", f"{place}.capacity_ul") else ""
    bore = f"{guess} with a syringe of {spec.diameter_mm:g} mm".strip()
    if spec.max_rate_ul_s > fastest * (1 + 1e-9):
        can = f"{bore} this pump does at most {_rounded(fastest, down=True)} µL/s"
        mistakes.add(f"{place}.max_rate_ul_s", f"{spec.max_rate_ul_s:g} is more than it can do: {can}")
    elif not guess and spec.max_rate_ul_s < slowest * (1 - 1e-9):
        can = f"{bore} this pump does at least {_rounded(slowest, down=False)} µL/s"
        mistakes.add(f"{place}.max_rate_ul_s", f"{spec.max_rate_ul_s:g} is less than it can do: {can}")


def _rounded(value: float, *, down: bool) -> str:
    """Three digits that are still allowed."""
    step = 10.0 ** (math.floor(math.log10(value)) - 2) if value > 0 else 1.0
    return f"{(math.floor(value / step) if down else math.ceil(value / step)) * step:.6g}"


def _check_names(table: Table, mistakes: Mistakes) -> None:
    pumps = table.get("pumps")
    if not isinstance(pumps, dict):
        return
    if not pumps:
        mistakes.add("pumps", "expected at least one pump")
    meters = table.get("meters")
    names = {"stage", "camera"}
    for group, roles in (("meters", meters if isinstance(meters, dict) else {}), ("pumps", pumps)):
        for role in sorted(names & roles.keys()):
            mistakes.add(joined(group, role), "cannot be called that; the name belongs to another device")
        names |= roles.keys()


def _check_ports(table: Table, mistakes: Mistakes) -> None:
    first: dict[tuple[str, object], tuple[str, Table, str]] = {}
    for place, part, duty in devices(table):
        key = "source" if duty == "camera" else "port"
        port = part.get(key)
        if not isinstance(port, str) or port == _NO_PORT:
            continue
        if not port.strip():
            mistakes.add(f"{place}.{key}", "is empty")
            continue
        same = _same_port(port)
        address = _address(part)
        sharing = first.setdefault((same, None), (place, part, duty))
        unsure = [f"{one}.{key}" for one in (place, sharing[0]) for key in ("kind", "settings")]
        if sharing[2] == duty and mistakes.under(*unsure):
            continue  # whether the two may share it is not known until these are right
        other = first.setdefault((same, address), (place, part, duty))[0]
        if sharing[0] != place and (address is None or sharing[1].get("kind") != part.get("kind")):
            other = sharing[0]
        if other != place:
            needs = "a port of its own" if address is None else "a port or an address of its own"
            its = "source" if other == "camera" else "port"
            mistakes.add(
                f"{place}.{key}", f"{shown(without_secrets(port))} is also {other}.{its}; each device needs {needs}"
            )


def _address(part: Table) -> object:
    """Of a device that may share its port with others of its kind; None for one that may not."""
    kind, settings = part.get("kind"), part.get("settings")
    if not isinstance(kind, str) or kind not in KINDS or not getattr(module_of(kind), "CHAINED", False):
        return None
    default = getattr(module_of(kind).Settings(), "address", None)
    return settings.get("address", default) if isinstance(settings, dict) else default


def _same_port(port: str) -> str:
    """One spelling for one port: COM3 is com3, and /dev/serial/by-id/... is the port that it points to."""
    return os.path.realpath(port) if port.startswith("/") else port.strip().casefold()


def _check_rack(table: Table, mistakes: Mistakes) -> None:
    rack_table = table.get("rack")
    vial_table = rack_table.get("vial") if isinstance(rack_table, dict) else None
    vial = _good(VialSpec, vial_table, "rack.vial", mistakes)
    if vial is not None:
        if vial.fill_limit_ul > vial.capacity_ul:
            limit = f"{vial.fill_limit_ul:g} is above the vial's capacity_ul, {vial.capacity_ul:g}"
            mistakes.add("rack.vial.fill_limit_ul", f"{limit}; it would overflow")
        if vial.bore_mm >= vial.outer_mm:
            mistakes.add("rack.vial.bore_mm", f"{vial.bore_mm:g} is not smaller than outer_mm, {vial.outer_mm:g}")
        if vial.base_mm >= vial.height_mm:
            mistakes.add("rack.vial.base_mm", f"{vial.base_mm:g} is not below height_mm, {vial.height_mm:g}")
    rack = _rack_without_vial(rack_table, mistakes)
    if rack is not None and vial is not None:
        _check_pitch(rack, vial.outer_mm, mistakes)
    stage_table = table.get("stage")
    if isinstance(stage_table, dict):
        _check_travel(stage_table, rack, mistakes)
    travel = stage_table.get("travel_mm") if isinstance(stage_table, dict) else None
    ends_mm = _good(tuple[Positive, Positive, Positive], travel, "stage.travel_mm", mistakes)
    if rack is None or ends_mm is None:
        return
    told = []
    for i, axis in enumerate("XY"):
        at_mm = {slot: rack.position_mm(slot)[i] for slot in rack.slots}
        near, far = min(at_mm, key=lambda s: at_mm[s]), max(at_mm, key=lambda s: at_mm[s])
        travel_mm = ends_mm[i]
        if at_mm[near] >= -1e-9 and at_mm[far] <= travel_mm + 1e-9:
            continue
        span = f"slots {near} to {far} need {axis} {at_mm[near]:g} to {at_mm[far]:g} mm"
        said = f"{span}, but the stage travels from 0 to {travel_mm:g} mm"
        least_mm = rack.a1_mm[i] - at_mm[near]
        most_mm = travel_mm - (at_mm[far] - rack.a1_mm[i])
        fits = f"a1_mm {axis} from {least_mm:g} to {most_mm:g} would fit"
        too_large = f"it is too large, unless {axis} of travel_mm is {at_mm[far]:g} or more"
        told.append(f"{said}; {fits if least_mm <= most_mm else too_large}")
    if told:
        mistakes.add("rack.a1_mm", "; and ".join(told))


def _rack_without_vial(table: object, mistakes: Mistakes) -> RackSpec | None:
    """Where its slots are does not depend on its vial, which may have mistakes."""
    if not isinstance(table, dict):
        return None
    names = [f.name for f in fields(RackSpec) if f.name in table and f.name != "vial"]
    if mistakes.under(*(f"rack.{name}" for name in names)):
        return None
    return validated(RackSpec, {name: table[name] for name in names} | {"vial": _ANY_VIAL}, "rack", Mistakes())


def _check_pitch(rack: RackSpec, outer_mm: float, mistakes: Mistakes) -> None:
    if rack.places_mm:
        at = sorted((*rack.position_mm(slot), slot) for slot in rack.slots)
        for i, (x, y, slot) in enumerate(at):
            for x2, y2, other in at[i + 1 :]:
                if x2 - x >= outer_mm - 1e-9:
                    break
                if math.hypot(x2 - x, y2 - y) < outer_mm - 1e-9:
                    apart = f"{math.hypot(x2 - x, y2 - y):.4g} mm from {slot}, less than a vial's outer_mm"
                    mistakes.add(f"rack.places_mm.{other}", f"is {apart}, {outer_mm:g}")
        return
    for key, pitch_mm, many in zip(("pitch_mm", "row_pitch_mm"), rack.pitches_mm, (1, rack.rows), strict=True):
        if pitch_mm < outer_mm - 1e-9 and (key == "pitch_mm" or (rack.row_pitch_mm and many > 1)):
            mistakes.add(f"rack.{key}", f"{pitch_mm:g} is less than a vial's outer_mm, {outer_mm:g}")


def _check_travel(stage: Table, rack: RackSpec | None, mistakes: Mistakes) -> None:
    """Say what a travel looks like, and which one the rack asks for, instead of a bare "is missing"."""
    travel = stage.get("travel_mm")
    like = "expected the largest X, Y and Z in mm"
    if rack is not None:
        xs, ys = zip(*(rack.position_mm(s) for s in rack.slots), strict=True)
        like += f"; the rack needs at least [{max(xs):g}, {max(ys):g}, Z]"
    if travel is None:
        mistakes.instead("stage.travel_mm", f"is missing: {like}")
    elif not isinstance(travel, list) or len(travel) != 3:
        mistakes.instead("stage.travel_mm", f"got {shown(travel)}: {like}")
    else:
        for i, (axis, end) in enumerate(zip("XYZ", travel, strict=True)):
            if isinstance(end, list):
                mistakes.instead(f"stage.travel_mm[{i + 1}]", f"{axis}: {like}, each from 0 on; no pairs")
            elif isinstance(end, int | float) and not isinstance(end, bool) and end <= 0:
                turned = f"; did you mean {-end:g}?" if end < 0 else ""
                from_zero = f"{axis} travels from 0 to a number above 0"
                mistakes.instead(f"stage.travel_mm[{i + 1}]", f"{from_zero}, got {end:g}{turned}")


def _check_view(table: Table, mistakes: Mistakes) -> None:
    view = _good(ViewSpec, table["view"], "view", mistakes) if "view" in table else None
    for key in ("box_px", "white_px"):
        box = getattr(view, key) if view is not None else None
        if box is not None and not (box[0] < box[2] and box[1] < box[3]):
            left, top, right, bottom = (
                min(box[0], box[2]),
                min(box[1], box[3]),
                max(box[0], box[2]),
                max(box[1], box[3]),
            )
            right_way = f"[{left:g}, {top:g}, {right:g}, {bottom:g}]"
            mistakes.add(f"view.{key}", f"expected left, top, right, bottom; did you mean {right_way}?")


def _good(kind: Any, value: object, place: str, mistakes: Mistakes) -> Any:
    """The value, if what it needs is right, whatever else is wrong there: the mistakes have been told."""
    if is_dataclass(kind) and isinstance(value, dict):
        value = {f.name: value[f.name] for f in fields(kind) if f.name in value}
        wrong = mistakes.under(*(f"{place}.{key}" for key in value))
    else:
        wrong = mistakes.under(place)
    return None if wrong else validated(kind, value, place, Mistakes())


_LARGEST = {
    "diameter_mm": max(s.diameter_mm for s in SYRINGES), "capacity_ul": max(s.capacity_ul for s in SYRINGES),
}  # fmt: skip
_ANY_VIAL: Mapping[str, float] = {
    "capacity_ul": 1.0, "fill_limit_ul": 1.0, "bore_mm": 1.0, "outer_mm": 2.0, "height_mm": 1.5,
}  # fmt: skip
